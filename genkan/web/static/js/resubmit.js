// Sends a refused request again, so that no input is lost. A request is refused when the session has ended, is not recent
// enough, or has changed in another tab. A dialog asks the user to sign in, and then the same request is sent once, if the
// page was rendered for this user. session.js loads this module at the first refusal. Limits: docs/how-to/keep-what-was-typed.md.

const page = document.body.dataset;
const main = document.querySelector("main") ?? document.body;

const MESSAGES = {
  checking: ["One moment", "This page is being updated before this is sent."],
  ended: ["You have been signed out", "Sign in again to send this.", "Sign in"],
  fresh: ["Please confirm that it is you", "Sign in once more to send this.", "Sign in"],
  signedIn: ["You are signed in now", "", "Send"],
  sending: ["Sending", "Please wait."],
  other: [
    "Another user is signed in",
    "This page belongs to another user, so nothing was sent. Reload it for the user who is signed in now. What was typed here is lost then.",
    "Reload",
  ],
  refused: ["It was refused again", "It is not sent again automatically."],
  failed: ["That did not work", "Please try again."],
};
const KEEPS_INPUT = ["ended", "fresh", "refused", "failed"]; // states that say that the input is kept
const PENDING = ["checking", "ended", "fresh", "signedIn", "other", "later"];
const WAITING = "Sign in in the other window. This is sent as soon as you are done.";

const dialog = document.createElement("dialog");
const [title, text, action, later] = ["h2", "p", "button", "button"].map((name) => document.createElement(name));
const stylesheet = document.createElement("link");

let blocked; // the waiting request as `read` returns it, with `kind` (why it was refused) and `url` (where to go)
let state; // a name in MESSAGES; "later" after the dialog was dismissed; undefined without a waiting request
let signedOut; // the user of this page is signed out
let seenMenu; // the last menu that `onMenuChange` has handled
let popupOpened, sessionChanged; // the sign-in window was opened, and a message about the session has come since
let sent; // the repeated request
let focused; // had the focus before the dialog
let noticeTimer;

/** Handles a refusal that names a URL. Opens the dialog for a request of the user, else goes to the URL. `user` is the
    fingerprint of the user whose page this is. */
export async function refused(detail, url, user = "") {
  const request = read(detail);
  const kind = kindOf(url);
  if (page.covered === "leaving" || (blocked && !(state === "later" && isByUser(request)))) return;
  if (!kind || !isByUser(request) || !document.getElementById("user-menu")) return leave(url);
  blocked = { ...request, kind, url, user };
  seenMenu = document.getElementById("user-menu");
  popupOpened = sessionChanged = false;
  await stylesLoaded;
  show(kind);
  if (kind !== "fresh") refreshSession();
}

/** Reads a request from the detail of an htmx event: htmx 4 or 2, before or after the request. */
function read({ ctx, requestConfig, ...config }) {
  if (ctx) {
    const { action, method, body } = ctx.request;
    return { source: ctx.sourceElement, event: ctx.sourceEvent, method, path: action, body };
  }
  const { elt, triggeringEvent, verb, path, parameters } = requestConfig ?? config;
  return { source: elt, event: triggeringEvent, method: verb.toUpperCase(), path, body: parameters };
}

// Events of requests that a page makes by itself: fragments that follow the session, polls, lazy loading.
const AUTOMATIC = /^(load|every|hx:poll:trigger|revealed|intersect|session-changed|undefined)$/;

function isByUser({ source, event, method }) {
  if (source.closest("#user-menu")) return false;
  return method === "GET" ? /^(click|submit)$/.test(event?.type) : !AUTOMATIC.test(event?.type);
}

function kindOf(url) {
  const { origin, pathname, searchParams } = new URL(url, location.href);
  if (origin !== location.origin) return null;
  if (searchParams.get("error") === "MissingCSRF") return "checking";
  if (!pathname.endsWith("/signin") || searchParams.get("error") === "ReconnectRequired") return null;
  return searchParams.get("reason") === "fresh" ? "fresh" : "ended";
}

const here = () => location.pathname + location.search;

function leave(url) {
  if ("private" in page) page.covered = "leaving";
  location["private" in page ? "replace" : "assign"](url);
}

function refreshSession() {
  document.dispatchEvent(new CustomEvent("session-changed", { detail: { remote: true } }));
}

// Decides what happens to the waiting request after the menu was refreshed.
function onMenuChange() {
  const menu = document.getElementById("user-menu");
  const { session } = menu.dataset;
  if (menu === seenMenu || !PENDING.includes(state)) return;
  seenMenu = menu;
  const { kind, user, tried } = blocked;
  const isLater = state === "later";
  if (!session && (user || kind !== "checking")) {
    signedOut = true;
    if (isLater) cover("visible");
    else show("ended");
  } else if (user && session !== user) {
    if (isLater) leave(here());
    else show("other");
  } else if (isLater) {
    reset();
    refreshSession(); // for the fragments whose requests were prevented
  } else if (kind === "checking" && session !== user) {
    show("signedIn");
    text.textContent = `Send this as ${menu.querySelector("b").textContent}?`;
  } else if (sessionChanged || !(kind === "fresh" || tried)) {
    send();
  }
}

async function send() {
  show("sending");
  sent = undefined;
  blocked.tried = true;
  try {
    const { csrfToken } = await (await fetch(authURL("csrf"))).json();
    blocked.token = csrfToken;
    // Every form of the page gets the token of the current session.
    for (const field of document.getElementsByName("csrfToken")) field.value = csrfToken;
    const { method, path, source, event } = blocked;
    await htmx.ajax(method, path, { source, event, confirm: null });
  } catch {} // a failed response is handled in htmx:finally:request
  if (!sent && state === "sending") show("failed"); // the request was never sent
}

// URL of another action of Auth.js, below the same base path.
const authURL = (action) => new URL(action, new URL(blocked.url, location.href));

function signIn() {
  const signInPage = kindOf(blocked.url) === "checking" ? document.querySelector("#user-menu a").href : blocked.url;
  const url = new URL(signInPage, location.href);
  url.searchParams.set("callbackUrl", authURL("signed-in").pathname);
  const popup = open(url, "genkan-sign-in", "popup,width=480,height=720");
  if (!popup || popup.closed) return leave(signInPage);
  popupOpened = true;
  text.textContent = WAITING;
}

function show(next) {
  if (next === state) return;
  state = next;
  if (next === "ended" || next === "other") signedOut = true;
  if (next === "sending" || next === "signedIn") signedOut = false;
  [title.textContent, text.textContent, action.textContent = ""] = MESSAGES[next];
  if (next === "ended" && !blocked.user) title.textContent = "Sign in to continue";
  if (KEEPS_INPUT.includes(next) && hasInput()) text.textContent += " What you typed stays here.";
  action.hidden = !MESSAGES[next][2];
  later.hidden = next === "sending";
  later.textContent = action.hidden && next !== "checking" ? "Close" : "Not now";
  cover("hidden");
  notify("");
  if (!dialog.open) {
    focused = document.activeElement;
    dialog.showModal();
  }
  (later.hidden ? dialog : action.hidden ? later : action).focus();
}

// Hides the private page while its user is signed out. After the dialog was dismissed the form stays visible.
function cover(form) {
  const hide = "private" in page && signedOut;
  main.style.visibility = hide ? "hidden" : "";
  (blocked.source.closest("form") ?? blocked.source).style.visibility = hide ? form : "";
}

const hasInput = () => blocked.source.closest("form")?.querySelector("input:not([type=hidden]), textarea, select");

function close() {
  dialog.close();
  // The response may have replaced the focused element. Then its notice gets the focus, as without a dialog.
  const { source } = blocked;
  const part = source.isConnected ? null : document.getElementById(source.parentElement?.closest("[id]")?.id);
  (part?.querySelector("[autofocus]") ?? (focused?.isConnected ? focused : main)).focus();
}

function dismiss() {
  if (state === "sending") return;
  if (!("private" in page && (signedOut || state === "checking"))) return reset();
  state = "later";
  cover("visible");
  close();
  if (signedOut) notify(`You are signed out.${hasInput() ? " What you typed is still here." : ""}`);
}

function reset() {
  signedOut = false;
  cover("");
  if (dialog.open) close();
  blocked = state = undefined;
  delete page.held;
  notify("");
}

// Shows a notice for six seconds, or until further notice while it explains why the page is empty.
function notify(text) {
  const notice = document.querySelector("[data-genkan] #notice");
  if (!notice) return;
  notice.textContent = text;
  clearTimeout(noticeTimer);
  if (state !== "later") noticeTimer = setTimeout(() => notice.textContent === text && (notice.textContent = ""), 6000);
}

const on = (names, listener) => names.split(" ").forEach((name) => addEventListener(name, listener, true));
const isRepeated = ({ detail }) => state === "sending" && read(detail).event === blocked.event;

on("htmx:after:swap htmx:afterSwap", onMenuChange);
try {
  new BroadcastChannel("next-auth").onmessage = () => (sessionChanged = popupOpened);
} catch {
  addEventListener("focus", () => {
    sessionChanged = popupOpened;
    if (sessionChanged && blocked) refreshSession();
  });
}

// The server can't read the session at the moment.
on("htmx:finally:request htmx:afterRequest", ({ detail }) => {
  const { response, status } = detail.ctx ?? detail.xhr;
  if (state === "checking" && read(detail).source.id === "user-menu" && (response?.status ?? status) >= 500) show("failed");
});

// While a request waits, other requests are prevented: their responses could replace the user's input.
on("htmx:config:request htmx:configRequest", (event) => {
  const request = read(event.detail);
  if (blocked && request.source.id !== "user-menu" && !isByUser(request)) event.preventDefault();
});

// Runs after the page's own listeners, which may change the request.
for (const name of ["htmx:config:request", "htmx:configRequest"]) {
  addEventListener(name, (event) => isRepeated(event) && restore(event.detail));
}

function restore(detail) {
  const config = detail.ctx?.request ?? detail;
  for (const name of Object.keys(config.headers)) {
    if (name.toLowerCase() === "x-csrf-token") config.headers[name] = blocked.token;
  }
  if (typeof blocked.body === "string") return; // an extension encodes the same fields again
  const body = new FormData();
  for (const [name, value] of blocked.body ?? []) body.append(name, name === "csrfToken" ? blocked.token : value);
  config[detail.ctx ? "body" : "parameters"] = body;
}

// The user has already confirmed this request.
on("htmx:confirm", (event) => {
  const { elt, triggeringEvent, ctx, issueRequest } = event.detail;
  if (state !== "sending" || (ctx?.sourceEvent ?? triggeringEvent) !== blocked.event) return;
  event.preventDefault();
  issueRequest(true);
});

on("htmx:before:request htmx:beforeRequest", (event) => {
  if (isRepeated(event)) sent = event.detail.ctx ?? event.detail.xhr;
});

on("htmx:finally:request htmx:afterRequest", ({ detail }) => {
  if (!sent || (detail.ctx ?? detail.xhr) !== sent) return;
  const code = sent.response?.status ?? sent.status;
  const url = sent.hx ? sent.hx.redirect : sent.getResponseHeader("HX-Redirect");
  const kind = url && kindOf(url);
  if (code >= 200 && code < 400) {
    reset();
    if (url) return; // the response leads to another page
    refreshSession(); // for the fragments whose requests were prevented
    notify("Sent.");
  } else if (code === 401 && blocked.kind === "checking" && kind) {
    // The new CSRF token was accepted, but the session has ended.
    Object.assign(blocked, { kind, url });
    show(kind);
  } else {
    show(code === 401 || code === 403 ? "refused" : "failed");
  }
});

action.onclick = () => {
  if (state === "other") leave(here());
  else if (state === "signedIn") send();
  else signIn();
};
later.onclick = dismiss;

// The menu's sign-in link would leave the page and lose the input.
on("click", (event) => {
  const { target, ctrlKey, metaKey, shiftKey } = event;
  if (state !== "later" || !signedOut || ctrlKey || metaKey || shiftKey || !target.closest("#user-menu a")) return;
  event.preventDefault();
  signIn();
});

dialog.oncancel = (event) => {
  event.preventDefault();
  dismiss();
};
dialog.onclose = () => blocked && state !== "later" && dismiss();

action.className = "button";
later.className = "button quiet";
dialog.className = "resubmit card";
dialog.tabIndex = -1;
title.id = "resubmit-title";
text.id = "resubmit-text";
text.setAttribute("aria-live", "polite");
dialog.setAttribute("aria-labelledby", title.id);
dialog.setAttribute("aria-describedby", text.id);
dialog.append(title, text, action, later);
document.body.append(dialog);

stylesheet.rel = "stylesheet";
stylesheet.href = new URL("../css/resubmit.css", import.meta.url);
const stylesLoaded = new Promise((resolve) => (stylesheet.onload = stylesheet.onerror = resolve));
document.head.append(stylesheet);
