import { auth, signIn, signOut } from "@/auth"

async function signInHere() {
  "use server"
  await signIn("oidc", { redirectTo: "/" })
}

async function signOutHere() {
  "use server"
  await signOut({ redirectTo: "/" })
}

export default async function Page() {
  const session = await auth()
  return (
    <main>
      <h1>Next.js</h1>
      {session ? (
        <>
          <p>
            Signed in as <b id="name">{session.user.name}</b>, user <b id="id">{session.user.id}</b> with the role{" "}
            <b id="role">{session.user.role}</b>
          </p>
          <form action={signOutHere}>
            <button>Sign out</button>
          </form>
        </>
      ) : (
        <>
          <p id="signed-out">Signed out</p>
          <form action={signInHere}>
            <button>Sign in</button>
          </form>
        </>
      )}
      <p>
        {/* A page of Flask, so it is no <Link>. */}
        <a href="/backend/">To Flask</a>
      </p>
    </main>
  )
}
