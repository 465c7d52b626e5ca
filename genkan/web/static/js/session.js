const page = document.body.dataset;
const inFlight = new Map();
const OWN = "#user-menu, [data-genkan]";

let menu = document.getElementById("user-menu");
let { status, session, page: kind } = menu?.dataset || {};
let channel, user, isRemote, slowTimer, noticeTimer, focused, opened, sentUntil;
let refreshedAt = 0;

const on = (names, listener) => names.split(" ").forEach((name) => addEventListener(name, listener, true));
const broadcast = (trigger) => channel?.postMessage({ event: "session", data: { trigger } });

function refresh() {
  refreshedAt = Date.now();
  document.dispatchEvent(new CustomEvent("session-changed", { detail: { remote: true } }));
}

try {
  channel = new BroadcastChannel("next-auth");
  channel.onmessage = () => {
    isRemote = !isMenuFormSent();
    refresh();
  };
} catch {}

on("session-changed", ({ detail }) => {
  if (isMenuFormSent()) return;
  if (!detail?.remote) broadcast("getSession");
  setTimeout(fetchMenu);
});

on("visibilitychange online", () => {
  // Only this menu has the ticket to try an incomplete sign-out again.
  if (menu?.querySelector("[name=ticket]")) return;
  if (!document.hidden && Date.now() > refreshedAt + 5000) refresh();
});

function cover(reason = "") {
  if ("private" in page) page.covered = reason;
}
on("pagehide", () => cover());
on("pageshow", ({ persisted }) => {
  if (!persisted) return;
  cover();
  if (menu) refresh();
  else if ("private" in page) location.reload();
});

function announce() {
  if (!menu) return;
  if (kind === "private") page.private = "";
  if (status === "loading") return;
  user ||= session;
  try {
    const last = localStorage["genkan.session"] || "";
    localStorage["genkan.session"] = session;
    if (last !== session && !isRemote) broadcast(session ? "getSession" : "signout");
  } catch {}
}

function readMenu() {
  const next = document.getElementById("user-menu");
  return next && (next !== menu || next.dataset.session !== session || next.dataset.page !== kind) && !replaceMenu(next);
}

function replaceMenu(next) {
  const changed = menu && status !== "loading" && next.dataset.session !== session;
  const before = changed && session;
  menu = next;
  ({ status, session, page: kind } = next.dataset);
  if (kind) delete page.private;
  announce();
  isRemote = false;
  if (before) for (const part of document.querySelectorAll("body [data-private]")) part.textContent = "";
  if ("held" in page || ("private" in page && isSending())) return;
  if ("private" in page && status === "unauthenticated") {
    leave(menu.querySelector("a")?.href);
  } else if (changed && ("private" in page || ("follow" in page && !isSending()))) {
    leave();
  } else {
    delete page.covered;
    const name = menu.querySelector("b")?.textContent;
    if (changed) notify(name ? "Signed in as " + name : "Signed out");
  }
}

function leave(url = location.pathname + location.search) {
  cover("leaving");
  location.replace(url);
}

on("htmx:before:response htmx:beforeOnLoad", (event) => {
  const request = requestOf(event);
  const source = sourceOf(event);
  const code = codeOf(request);
  const url = request.hx ? request.hx.redirect : request.getResponseHeader("HX-Redirect");
  if (url && code === 204 && isMenuForm(source)) broadcast("signout");
  if (code === 202 && isMenuForm(source) && "private" in page) {
    delete page.private;
    document.querySelector("#content, main")?.replaceChildren();
  }
  if (!url && code > 399 && source.closest("#user-menu")) event.preventDefault();
  if (!url || !/40[13]/.test(code) || !source.closest(OWN)) return;
  event.preventDefault();
  page.held = "";
  import("./resubmit.js").then((module) => module.refused(event.detail, url, user)).catch(() => leave(url));
});

on("htmx:before:swap htmx:beforeSwap genkan:before", () => {
  focused = document.activeElement?.closest("#user-menu, :is([data-genkan], [data-genkan] *)[hx-get][id]")?.id;
  opened = menu?.querySelector("[open]");
});

on("htmx:after:swap htmx:afterSwap genkan:after", () => {
  if (readMenu() && opened) menu.querySelector("details")?.setAttribute("open", "");
  const part = focused && document.getElementById(focused);
  if (!part || part.contains(document.activeElement)) return;
  part.querySelector("summary, a, [tabindex]")?.focus();
  if (part.dataset.notice) notify(part.dataset.notice);
});

const requestOf = ({ detail }) => detail.ctx ?? detail.xhr;
const codeOf = (request) => request.response?.status ?? request.status;
const sourceOf = ({ detail }) => detail.ctx?.sourceElement ?? detail.elt;
const isMenuForm = (element) => element?.matches("#user-menu *");
const isMenu = (element) => element === menu;
const isInFlight = (test) => [...inFlight.values()].some(test);
const isMenuFormSent = () => isInFlight(isMenuForm);
const isSending = () => Date.now() < sentUntil;

function fetchMenu() {
  readMenu();
  if (!menu || isInFlight(isMenu) || isMenuFormSent()) return;
  import("./refresh.js").then((module) => module.refresh(menu)).catch(() => {});
}

on("htmx:before:request htmx:beforeRequest", (event) => {
  const source = sourceOf(event);
  if (isMenu(source) && isMenuFormSent()) return event.preventDefault();
  inFlight.set(requestOf(event), source);
  if (isMenu(source)) {
    clearTimeout(slowTimer);
    slowTimer = setTimeout(() => (menu.dataset.status = "loading"), 400);
  } else if (isMenuForm(source)) {
    isRemote = false;
    menu.dispatchEvent(new CustomEvent("htmx:abort", { bubbles: true, detail: {} }));
  }
});

on("htmx:finally:request htmx:afterRequest", (event) => {
  const request = requestOf(event), source = inFlight.get(request);
  inFlight.delete(request);
  if (source?.matches("form")) {
    if (source.closest(OWN)) delete source.dataset.sent;
    sentUntil = 0;
    if ("private" in page && status === "unauthenticated") refresh();
  }
  const code = codeOf(request);
  if (source?.matches(code ? "form, a" : "form") && source.isConnected && source.closest(OWN) && !("held" in page || (code >= 200 && code < 400))) {
    notify("That did not work. Please try again.");
    if (isMenuForm(source)) refresh();
  }
  if (!menu || isInFlight(isMenu)) return;
  clearTimeout(slowTimer);
  menu.dataset.status = status;
  if (isMenu(source) && "covered" in page) location.reload();
});

on("submit", (event) => {
  const { target } = event;
  const { dataset } = target;
  if (!isMenuForm(target)) sentUntil = Date.now() + 5000;
  if (!target.closest("#user-menu, [data-genkan]:not(body)")) return;
  if ("sent" in dataset) {
    event.preventDefault();
    event.stopPropagation();
  }
  dataset.sent = "";
  setTimeout(() => delete dataset.sent, 5000);
});

on("pointerdown focusin keydown", ({ key, target }) => {
  const popup = menu?.querySelector("[open]");
  if (!popup || (key ? key !== "Escape" : popup.contains(target))) return;
  popup.open = false;
  if (key) popup.firstElementChild.focus();
});

function useFallback({ target }) {
  const url = target.dataset?.genkanFallback;
  if (url && target.getAttribute("src") !== url) target.src = url;
}
on("error", useFallback);
for (const target of document.images) if (target.complete && !target.naturalWidth) useFallback({ target });

function notify(text) {
  const notice = document.querySelector("[data-genkan] #notice") || {};
  notice.textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (notice.textContent = ""), 6000);
}

announce();
on("DOMContentLoaded", () => {
  if (status === "loading") setTimeout(fetchMenu);
  if (!(window.htmx?.version > "4") || document.querySelector("[hx-delete]")) import("./refresh.js").catch(() => {});
});
