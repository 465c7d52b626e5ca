// Better Auth on Node's own HTTP server, with its memory adapter: no database is measured.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";

const reissue = process.env.REISSUE === "1";

const auth = betterAuth({
  baseURL: process.env.AUTH_URL,
  secret: process.env.AUTH_SECRET,
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  emailAndPassword: { enabled: true },
  session: {
    // 0: the session and its cookie are extended at every reading.
    ...(reissue ? { updateAge: 0 } : {}),
    cookieCache: { enabled: process.env.COOKIE_CACHE === "1", maxAge: 3600 },
  },
  // On by default in production: 100 requests in ten seconds.
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
});

createServer(toNodeHandler(auth)).listen(Number(process.env.PORT), "127.0.0.1");
