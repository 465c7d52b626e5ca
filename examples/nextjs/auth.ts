import PostgresAdapter from "@auth/pg-adapter"
import NextAuth, { type DefaultSession } from "next-auth"
import { headers } from "next/headers"
import { Pool } from "pg"

import { askBackend } from "./backend"

declare module "next-auth" {
  interface User {
    role?: string
  }
  interface Session {
    user: { id: string; role?: string } & DefaultSession["user"]
  }
}

export const { handlers, auth, signIn, signOut } = NextAuth({
  adapter: PostgresAdapter(new Pool({ connectionString: process.env.DATABASE_URL })),
  // With an adapter the default is "database", whose cookie Flask could not read.
  session: { strategy: "jwt" },
  providers: [{ id: "oidc", name: "OpenID Connect", type: "oidc", checks: ["pkce", "state"] }],
  callbacks: {
    async jwt({ token, user }) {
      if (user) {
        // A sign-in here. A new user has the default role. Flask revokes the session by `sid` and `session_start`.
        const start = Math.floor(Date.now() / 1000)
        return { ...token, role: user.role ?? "user", sid: crypto.randomUUID(), session_start: start }
      }
      const session = await askBackend(await headers())
      if (session === undefined) return token // Flask does not answer
      return session && { ...token, role: session.user.role } // null: the session was revoked
    },
    session({ session, token }) {
      session.user.id = token.sub ?? ""
      session.user.role = token.role as string | undefined
      return session
    },
  },
  events: {
    async signOut() {
      await askBackend(await headers(), "/sign-out", "POST")
    },
  },
})
