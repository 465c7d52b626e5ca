// The real token code of Auth.js, asked line by line.
//
//   {"op": "encode", "value": {…}, "secret": … or […], "salt": …, "maxAge": …}  ->  {"result": "<token>"}
//   {"op": "decode", "token": …, "secret": … or […], "salt": …}                 ->  {"result": {…}}
//   {"op": "read", "token": …, "secret": …, "salt": …, "options": "callbacks: {…}", "now": …}  ->  {"result": "<new token>"}
//
// "read" is GET /api/auth/session with these options, in JavaScript, at this time in seconds since 1970. What it throws comes back as {"error": …}. Ends when its standard input does.

import { createInterface } from "node:readline";

import { Auth } from "@auth/core";
import { decode, encode } from "@auth/core/jwt";

const RealDate = Date;

const ACTS = {
  encode: ({ value, secret, salt, maxAge }) => encode({ token: value, secret, salt, maxAge }),
  decode: ({ token, secret, salt }) => decode({ token, secret, salt }),
  read: async ({ token, secret, salt, options, now }) => {
    globalThis.Date = class extends RealDate {
      static now = () => now * 1000;
      constructor(...given) {
        super(...(given.length ? given : [now * 1000]));
      }
    };
    const own = new Function(`return ({ ${options} })`)();
    const request = new Request("http://127.0.0.1:5000/api/auth/session", { headers: { cookie: `${salt}=${token}` } });
    const response = await Auth(request, { secret, trustHost: true, basePath: "/api/auth", providers: [], ...own });
    globalThis.Date = RealDate;
    const cookie = response.headers.getSetCookie().find((line) => line.startsWith(`${salt}=`));
    return cookie.slice(salt.length + 1).split(";")[0];
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
