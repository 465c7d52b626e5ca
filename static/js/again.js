// No lost work. What somebody sent and was refused, because their session had ended, was not fresh, or had changed in
// another tab, waits in a dialog and is sent again: the same request, once, for the person the page was drawn for.
// session.js fetches this at the first refusal. What is promised, and what is not: docs/sessions.md.

const page = document.body.dataset;
const main = document.querySelector("main");
const channel = new BroadcastChannel("next-auth");

const WORDS = {
  asking: ["One moment", "This page is being brought up to date, to send this."],
  ended: ["You have been signed out", "Sign in again to send this.", "Sign in"],
  fresh: ["Please confirm that it is you", "Sign in once more to send this.", "Sign in"],
  joined: ["You are signed in now", "", "Send"],
  sending: ["Sending", "It is on its way."],
  other: [
    "Somebody else is signed in",
    "This page was made for another person, so nothing was sent. A new page is made for whoever is signed in now, without what was typed here.",
    "Reload",
  ],
  refused: ["It was refused again", "It will not be sent once more by itself."],
  failed: ["That did not work", "Please try again."],
};
const STAYS = ["ended", "fresh", "refused", "failed"]; // where somebody may fear for what they typed
const PENDING = ["asking", "ended", "fresh", "joined", "other", "later"];
const WAITING = "Sign in in the other window: this is sent as soon as you are back.";

const dialog = document.createElement("dialog");
const [title, text, act, later] = ["h2", "p", "button", "button"].map((name) => document.createElement(name));
const sheet = document.createElement("link");

let blocked; // the request that waits, as `read` tells it; `kind` and `way`: why it was refused, and where that leads
let state; // a name in WORDS; or "later", when the dialog was put off; or nothing
let signedOut; // what is on the page is nobody's any more
let seen; // the menu that has been looked at
let asked, heard; // the second window was opened, and somebody was heard of since
let sent; // the request that is on its way again
let focused; // had the focus before the dialog
let hush;

/** For every refusal with a way out. Opens the dialog if it was somebody's own request, else leaves. */
export async function refused(detail, way) {
  const request = read(detail);
  const kind = kindOf(way);
  if (page.covered === "leaving" || (blocked && !(state === "later" && isOwn(request)))) return;
  if (!kind || !isOwn(request) || !document.getElementById("user-menu")) return leave(way);
  blocked = { ...request, kind, way, person: page.person ?? "" };
  seen = document.getElementById("user-menu");
  asked = heard = false;
  await styled;
  show(kind);
  if (kind !== "fresh") ask();
}

/** What htmx tells of a request, in either version: before it is made, and after. */
function read({ ctx, requestConfig, ...config }) {
  if (ctx) {
    const { action, method, body } = ctx.request;
    return { source: ctx.sourceElement, event: ctx.sourceEvent, method, path: action, body };
  }
  const { elt, triggeringEvent, verb, path, parameters } = requestConfig ?? config;
  return { source: elt, event: triggeringEvent, method: verb.toUpperCase(), path, body: parameters };
}

// Not what a page does by itself: fragments that follow the session, polls, parts that load when they come into view.
const BY_ITSELF = /^(load|every|hx:poll:trigger|revealed|intersect|session-changed|undefined)$/;

function isOwn({ source, event, method }) {
  if (source.closest("#user-menu")) return false;
  return method === "GET" ? /^(click|submit)$/.test(event?.type) : !BY_ITSELF.test(event?.type);
}

function kindOf(way) {
  const { origin, pathname, searchParams } = new URL(way, location.href);
  if (origin !== location.origin) return null;
  if (searchParams.get("error") === "MissingCSRF") return "asking";
  if (!pathname.endsWith("/signin") || searchParams.get("error") === "ReconnectRequired") return null;
  return searchParams.get("reason") === "fresh" ? "fresh" : "ended";
}

const here = () => location.pathname + location.search;

function leave(way) {
  if ("private" in page) page.covered = "leaving";
  location["private" in page ? "replace" : "assign"](way);
}

function ask() {
  document.dispatchEvent(new CustomEvent("session-changed", { detail: { remote: true } }));
}

// The menu has been drawn anew: who is here now decides what becomes of the request.
function look() {
  const menu = document.getElementById("user-menu");
  const { session } = menu.dataset;
  if (menu === seen || !PENDING.includes(state)) return;
  seen = menu;
  const { kind, person, tried } = blocked;
  const isLater = state === "later";
  if (!session && (person || kind !== "asking")) {
    signedOut = true;
    if (isLater) cover("visible");
    else show("ended");
  } else if (person && session !== person) {
    if (isLater) leave(here());
    else show("other");
  } else if (isLater) {
    release();
    ask(); // for the parts that had to wait
  } else if (kind === "asking" && session !== person) {
    show("joined");
    text.textContent = `Send this as ${menu.querySelector("b").textContent}?`;
  } else if (heard || !(kind === "fresh" || tried)) {
    send();
  }
}

async function send() {
  show("sending");
  sent = undefined;
  blocked.tried = true;
  try {
    const { csrfToken } = await (await fetch(beside("csrf"))).json();
    blocked.token = csrfToken;
    // Every form of the page is for the session that is now.
    for (const field of document.getElementsByName("csrfToken")) field.value = csrfToken;
    const { method, path, source, event } = blocked;
    await htmx.ajax(method, path, { source, event, confirm: null });
  } catch {} // an answer that fails is looked at where it ends
  if (!sent && state === "sending") show("failed"); // it never left
}

// The address of another door of the same house.
const beside = (door) => new URL(door, new URL(blocked.way, location.href));

function signIn() {
  const way = kindOf(blocked.way) === "asking" ? document.querySelector("#user-menu a").href : blocked.way;
  const url = new URL(way, location.href);
  url.searchParams.set("callbackUrl", beside("signed-in").pathname);
  const second = open(url, "genkan-sign-in", "popup,width=480,height=720");
  if (!second || second.closed) return leave(way);
  asked = true;
  text.textContent = WAITING;
}

function show(next) {
  if (next === state) return;
  state = next;
  if (next === "ended" || next === "other") signedOut = true;
  if (next === "sending" || next === "joined") signedOut = false;
  [title.textContent, text.textContent, act.textContent = ""] = WORDS[next];
  if (STAYS.includes(next) && isTypedIn()) text.textContent += " What you typed stays here.";
  act.hidden = !WORDS[next][2];
  later.hidden = next === "sending";
  later.textContent = act.hidden && next !== "asking" ? "Close" : "Not now";
  cover("hidden");
  say("");
  if (!dialog.open) {
    focused = document.activeElement;
    dialog.showModal();
  }
  (later.hidden ? dialog : act.hidden ? later : act).focus();
}

// Nothing private is shown to whoever is there, but for what they typed when they have put the dialog off.
function cover(form) {
  const hide = "private" in page && signedOut;
  main.style.visibility = hide ? "hidden" : "";
  (blocked.source.closest("form") ?? blocked.source).style.visibility = hide ? form : "";
}

const isTypedIn = () => blocked.source.closest("form")?.querySelector("input:not([type=hidden]), textarea, select");

function close() {
  dialog.close();
  // What had the focus may have made way for the answer, whose first words want it, as they do without a dialog.
  const { source } = blocked;
  const part = source.isConnected ? null : document.getElementById(source.parentElement?.closest("[id]")?.id);
  (part?.querySelector("[autofocus]") ?? (focused?.isConnected ? focused : main)).focus();
}

function putOff() {
  if (state === "sending") return;
  if (!("private" in page && (signedOut || state === "asking"))) return release();
  state = "later";
  cover("visible");
  close();
  if (signedOut) say(`You are signed out.${isTypedIn() ? " What you typed is still here." : ""}`);
}

function release() {
  signedOut = false;
  cover("");
  if (dialog.open) close();
  blocked = state = undefined;
  delete page.held;
  say("");
}

// It goes after a while, unless it says why the page is empty.
function say(words) {
  const notice = document.getElementById("notice");
  notice.textContent = words;
  clearTimeout(hush);
  if (state !== "later") hush = setTimeout(() => notice.textContent === words && (notice.textContent = ""), 6000);
}

const on = (names, act) => names.split(" ").forEach((name) => addEventListener(name, act, true));
const isOurs = ({ detail }) => state === "sending" && read(detail).event === blocked.event;

on("htmx:after:swap htmx:afterSwap", look);
channel.onmessage = () => (heard = asked);

// Who is here can't be told just now.
on("htmx:finally:request htmx:afterRequest", ({ detail }) => {
  const { response, status } = detail.ctx ?? detail.xhr;
  if (state === "asking" && read(detail).source.id === "user-menu" && (response?.status ?? status) >= 500) show("failed");
});

// As long as a request waits the page asks for nothing else: an answer could take the place of what was typed.
on("htmx:config:request htmx:configRequest", (event) => {
  const request = read(event.detail);
  if (blocked && request.source.id !== "user-menu" && !isOwn(request)) event.preventDefault();
});

// After whatever the page itself has done to the request.
for (const name of ["htmx:config:request", "htmx:configRequest"]) {
  addEventListener(name, (event) => isOurs(event) && restore(event.detail));
}

function restore(detail) {
  const config = detail.ctx?.request ?? detail;
  for (const name of Object.keys(config.headers)) {
    if (name.toLowerCase() === "x-csrf-token") config.headers[name] = blocked.token;
  }
  if (typeof blocked.body === "string") return; // an extension's own encoding: made anew from the same fields
  const body = new FormData();
  for (const [name, value] of blocked.body ?? []) body.append(name, name === "csrfToken" ? blocked.token : value);
  config[detail.ctx ? "body" : "parameters"] = body;
}

// Whoever was asked whether they are sure has said so.
on("htmx:confirm", (event) => {
  const { elt, triggeringEvent, ctx, issueRequest } = event.detail;
  if (state !== "sending" || (ctx?.sourceEvent ?? triggeringEvent) !== blocked.event) return;
  event.preventDefault();
  issueRequest(true);
});

on("htmx:before:request htmx:beforeRequest", (event) => {
  if (isOurs(event)) sent = event.detail.ctx ?? event.detail.xhr;
});

on("htmx:finally:request htmx:afterRequest", ({ detail }) => {
  if (!sent || (detail.ctx ?? detail.xhr) !== sent) return;
  const code = sent.response?.status ?? sent.status;
  const way = sent.hx ? sent.hx.redirect : sent.getResponseHeader("HX-Redirect");
  const kind = way && kindOf(way);
  if (code >= 200 && code < 400) {
    release();
    if (way) return; // the answer leads elsewhere
    ask(); // for the parts that had to wait
    say("Sent.");
  } else if (code === 401 && blocked.kind === "asking" && kind) {
    // With the new token it came as far as the door: now it is for the person to sign in.
    Object.assign(blocked, { kind, way });
    show(kind);
  } else {
    show(code === 401 || code === 403 ? "refused" : "failed");
  }
});

act.onclick = () => {
  if (state === "other") leave(here());
  else if (state === "joined") send();
  else signIn();
};
later.onclick = putOff;

// The header's way in would leave what was typed behind.
on("click", (event) => {
  const { target, ctrlKey, metaKey, shiftKey } = event;
  if (state !== "later" || !signedOut || ctrlKey || metaKey || shiftKey || !target.closest("#user-menu a")) return;
  event.preventDefault();
  signIn();
});

dialog.oncancel = (event) => {
  event.preventDefault();
  putOff();
};
dialog.onclose = () => blocked && state !== "later" && putOff();

act.className = "button";
later.className = "button quiet";
dialog.className = "again sheet";
dialog.tabIndex = -1;
title.id = "again-title";
text.id = "again-text";
text.setAttribute("aria-live", "polite");
dialog.setAttribute("aria-labelledby", title.id);
dialog.setAttribute("aria-describedby", text.id);
dialog.append(title, text, act, later);
document.body.append(dialog);

sheet.rel = "stylesheet";
sheet.href = new URL("../css/again.css", import.meta.url);
const styled = new Promise((go) => (sheet.onload = sheet.onerror = go));
document.head.append(sheet);
