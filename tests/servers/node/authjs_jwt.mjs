// The real token code of Auth.js, asked line by line.
//
//   {"op": "encode", "value": {…}, "secret": … or […], "salt": …, "maxAge": …}  ->  {"result": "<token>"}
//   {"op": "decode", "token": …, "secret": … or […], "salt": …}                 ->  {"result": {…}}
//   {"op": "read", "token": …, "secret": …, "salt": …, "options": "callbacks: {…}", "now": …}  ->  {"result": "<new token>"}
//
//   {"op": "ask", "email": …, "origin": …, "secret": …, "now": …}   ->  {"result": {"url": "<the link>", "row": {…}}}
//   {"op": "redeem", "url": …, "row": {…}, "secret": …, "now": …}   ->  {"result": {"location": …, "cookies": […]}}
//
// "read" is GET /api/auth/session with these options, in JavaScript, at this time in seconds since 1970. "ask" sends a link by mail, and "redeem" opens one. "row" is what an adapter stores in its table of verification tokens. What is thrown comes back as {"error": …}. Ends when its standard input does.

import { createInterface } from "node:readline";

import { Auth, skipCSRFCheck } from "@auth/core";
import { decode, encode } from "@auth/core/jwt";

const RealDate = Date;

async function at(now, act) {
  globalThis.Date = class extends RealDate {
    static now = () => now * 1000;
    constructor(...given) {
      super(...(given.length ? given : [now * 1000]));
    }
  };
  try {
    return await act();
  } finally {
    globalThis.Date = RealDate;
  }
}

// Auth.js with sign-in by mail. The adapter is an object in memory that keeps the one row of the table.
function withMail(secret, stored, send) {
  const user = { id: "1", email: stored.identifier, emailVerified: null };
  const adapter = {
    getUserByEmail: async () => null,
    createUser: async () => user,
    updateUser: async () => user,
    createVerificationToken: async (row) => Object.assign(stored, row),
    useVerificationToken: async ({ identifier, token }) =>
      stored.identifier === identifier && stored.token === token
        ? { identifier, token, expires: new Date(stored.expires) }
        : null,
  };
  const email = { id: "email", name: "Email", type: "email", maxAge: 86400, options: {}, sendVerificationRequest: send };
  const session = { strategy: "jwt" };
  return { adapter, session, secret, trustHost: true, basePath: "/api/auth", providers: [email], skipCSRFCheck };
}

const ACTS = {
  encode: ({ value, secret, salt, maxAge }) => encode({ token: value, secret, salt, maxAge }),
  decode: ({ token, secret, salt }) => decode({ token, secret, salt }),
  read: async ({ token, secret, salt, options, now }) => {
    const own = new Function(`return ({ ${options} })`)();
    const request = new Request("http://127.0.0.1:5000/api/auth/session", { headers: { cookie: `${salt}=${token}` } });
    const options_ = { secret, trustHost: true, basePath: "/api/auth", providers: [], ...own };
    const response = await at(now, () => Auth(request, options_));
    const cookie = response.headers.getSetCookie().find((line) => line.startsWith(`${salt}=`));
    return cookie.slice(salt.length + 1).split(";")[0];
  },
  ask: async ({ email, origin, secret, now }) => {
    const row = {};
    let url;
    const config = withMail(secret, row, async (mail) => (url = mail.url));
    const body = new URLSearchParams({ email, callbackUrl: `${origin}/dashboard` });
    await at(now, () => Auth(new Request(`${origin}/api/auth/signin/email`, { method: "POST", body }), config));
    return { url, row };
  },
  redeem: async ({ url, row, secret, now }) => {
    const response = await at(now, () => Auth(new Request(url), withMail(secret, row)));
    return { location: response.headers.get("location"), cookies: response.headers.getSetCookie() };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  const answer = await ACTS[question.op](question).then(
    (result) => ({ result }),
    (error) => ({ error: `${error.name}: ${error.message}` }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
