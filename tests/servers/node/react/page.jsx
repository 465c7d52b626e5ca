// A page of a React front end that shares its sign-in with us, made of nothing but the real next-auth/react and next-auth/webauthn.
// `?provider=<id>` lets the sign-in button go straight to that provider.

import { createRoot } from "react-dom/client";
import { SessionProvider, getSession, signIn, signOut, useSession } from "next-auth/react";
import { signIn as signInWithPasskey } from "next-auth/webauthn";

function Menu() {
  const { data: session, status, update } = useSession();
  const provider = new URLSearchParams(location.search).get("provider") ?? undefined;
  return (
    <main>
      <p id="react-status">{status}</p>
      <p id="react-name">{session?.user?.name}</p>
      <pre id="react-session">{JSON.stringify(session)}</pre>
      <button id="react-sign-in" onClick={() => signIn(provider)}>Sign in</button>
      <button id="react-passkey-add" onClick={() => signInWithPasskey("passkey", { action: "register", redirect: false })}>Add a passkey</button>
      <button id="react-passkey" onClick={() => signInWithPasskey("passkey", { redirect: false })}>Sign in with a passkey</button>
      <button id="react-sign-out" onClick={() => signOut()}>Sign out</button>
      <button id="react-sign-out-in-place" onClick={() => signOut({ redirect: false })}>Sign out here</button>
      <button id="react-update" onClick={() => update({ name: "Changed by React" })}>Update</button>
      <button id="react-ask" onClick={() => getSession()}>Ask</button>
    </main>
  );
}

// For calls with options that a test chooses, such as `nextAuth.signIn("email", { email, redirect: false })`.
window.nextAuth = { getSession, signIn };

createRoot(document.getElementById("react-root")).render(
  <SessionProvider>
    <Menu />
  </SessionProvider>,
);
