// The certified OpenID provider from npm, with one client and a sign-in page of one field.
//
//   node provider.mjs '{"client_id": …, "client_secret": …, "redirect_uris": […], …}'
//
// Prints {"issuer": …} in one line when it listens, and ends when its standard input does.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";

// Both are said once at every start, and neither matters here: a newer Node than Debian's is asked for, though all
// that is used runs on this one; and what is kept in memory ends with the test, as it should.
const HARMLESS = [/Unsupported runtime/, /in-memory adapter/];
const say = (...words) => HARMLESS.some((known) => known.test(words.join(" "))) || console.error(...words);
console.info = console.warn = say; // standard output is for the one line that the tests read

const { default: Provider } = await import("oidc-provider");

const settings = JSON.parse(process.argv[2]);
const accounts = settings.accounts ?? {};
const server = createServer();

server.listen(settings.port ?? 0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration());
  const respond = provider.callback();
  provider.on("server_error", (_, error) => console.error(error));
  server.on("request", (request, response) => {
    const answer = request.url.startsWith("/interaction/") ? interact(provider, request, response) : respond(request, response);
    answer.catch((error) => fail(response, error));
  });
  process.stdout.write(`${JSON.stringify({ issuer })}\n`);
});

process.stdin.on("end", () => process.exit(0)).resume();

function configuration() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return {
    clients: [client()],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "picture"] },
    conformIdTokenClaims: !settings.id_token_claims,
    cookies: { keys: [randomBytes(32).toString("hex")] },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: true, logoutSource: askToSignOut, postLogoutSuccessSource: saySignedOut },
      backchannelLogout: { enabled: true },
    },
    // Its protection against addresses inside a network would not let it call the application under test.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    findAccount: (_, id) => ({ accountId: id, claims: () => claimsOf(id) }),
    issueRefreshToken: (_, client) => client.grantTypeAllowed("refresh_token"),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "rsa", use: "sig", alg: "RS256" }] },
    loadExistingGrant: consent,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    renderError: (ctx, { error, error_description: text }) => page(ctx, `<h1>${escape(error)}</h1><p>${escape(text)}</p>`),
    ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 3600, IdToken: 3600, Interaction: 3600, RefreshToken: 3600, Session: 3600 },
  };
}

function client() {
  const { client_id, client_secret, redirect_uris, post_logout_redirect_uris = [], backchannel_logout_uri } = settings;
  return {
    client_id,
    client_secret,
    redirect_uris,
    grant_types: ["authorization_code", ...(settings.refresh_tokens ? ["refresh_token"] : [])],
    post_logout_redirect_uris,
    ...(backchannel_logout_uri && { backchannel_logout_uri, backchannel_logout_session_required: true }),
  };
}

function claimsOf(id) {
  const honest = { name: id, email: `${id}@example.org`, email_verified: true, picture: `https://pictures.example/${id}.png` };
  return { ...honest, ...accounts[id], sub: id };
}

async function consent({ oidc }) {
  const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
  grant.addOIDCScope("openid email profile");
  await grant.save();
  return grant;
}

async function interact(provider, request, response) {
  const { params } = await provider.interactionDetails(request, response);
  if (request.method !== "POST") return show(response, signInForm(params.login_hint ?? ""));
  const form = new URLSearchParams(await text(request));
  const result = form.has("refuse")
    ? { error: "access_denied", error_description: "The visitor said no" }
    : { login: { accountId: form.get("account") } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function text(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function signInForm(hint) {
  return `<form method="post"><label>Account <input name="account" value="${escape(hint)}" required></label>
    <button id="sign-in">Sign in</button> <button id="refuse" name="refuse" value="yes" formnovalidate>Refuse</button></form>`;
}

function askToSignOut(ctx, form) {
  page(ctx, `${form}<button id="sign-out" form="op.logoutForm" name="logout" value="yes">Sign out</button>
    <button id="stay" form="op.logoutForm">Stay</button>`);
}

function saySignedOut(ctx) {
  page(ctx, "<p>Signed out</p>");
}

function page(ctx, body) {
  ctx.type = "html";
  ctx.body = whole(body);
}

function show(response, body, status = 200) {
  response.writeHead(status, { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store" }).end(whole(body));
}

function fail(response, error) {
  console.error(error);
  show(response, `<p>${escape(error.message)}</p>`, 400);
}

function whole(body) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>A provider</title>${body}</html>`;
}

function escape(words) {
  return String(words).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
