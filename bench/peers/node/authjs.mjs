// The user and the provider of both Auth.js servers.
import Credentials from "@auth/core/providers/credentials";

const user = { id: "42", name: "Hana Example", email: "hana@example.com" };

export default {
  secret: process.env.AUTH_SECRET,
  trustHost: true,
  providers: [Credentials({ credentials: {}, authorize: () => user })],
  callbacks: {
    session({ session, token }) {
      session.user.id = token.sub;
      return session;
    },
  },
};
