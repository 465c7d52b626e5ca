// The menu is in the page that the server sends.
import { auth } from "../../auth.js";
import Menu from "../menu.js";

export default async function Page() {
  const session = await auth();
  return session ? <Menu user={session.user} /> : <a href="/api/auth/signin">Sign in</a>;
}
