// The menu appears when the browser has read the session.
"use client";

import { SessionProvider, useSession } from "next-auth/react";
import Menu from "../menu.js";

function CurrentMenu() {
  const { data } = useSession();
  return data ? <Menu user={data.user} /> : null;
}

export default function Page() {
  return (
    <SessionProvider>
      <CurrentMenu />
    </SessionProvider>
  );
}
