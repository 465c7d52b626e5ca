// The real token code of Auth.js, asked line by line.
//
//   {"op": "encode", "value": {…}, "secret": … or […], "salt": …, "maxAge": …}  ->  {"result": "<token>"}
//   {"op": "decode", "token": …, "secret": … or […], "salt": …}                 ->  {"result": {…}}
//
// What it throws comes back as {"error": …}. Ends when its standard input does.

import { createInterface } from "node:readline";

import { decode, encode } from "@auth/core/jwt";

const ACTS = {
  encode: ({ value, secret, salt, maxAge }) => encode({ token: value, secret, salt, maxAge }),
  decode: ({ token, secret, salt }) => decode({ token, secret, salt }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  const answer = await ACTS[question.op](question).then(
    (result) => ({ result }),
    (error) => ({ error: `${error.name}: ${error.message}` }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
