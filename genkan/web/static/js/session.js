// Keeps the page in step with server and tabs: at `session-changed`, parts that show the session are fetched again.
// Events have the names of htmx 4 and 2.

const channel = new BroadcastChannel("next-auth");
const page = document.body.dataset;
const inFlight = new Map();

let menu = document.getElementById("user-menu");
let status = menu?.dataset.status; // never the "loading" of a slow refresh
let isRemote, refreshedAt, slowTimer, noticeTimer, focused, opened;

const on = (names, listener) => names.split(" ").forEach((name) => addEventListener(name, listener, true));
const broadcast = (trigger) => channel.postMessage({ event: "session", data: { trigger } });

function refresh() {
  refreshedAt = Date.now();
  document.dispatchEvent(new CustomEvent("session-changed", { detail: { remote: true } }));
}

channel.onmessage = () => {
  isRemote = !isMenuFormSent();
  refresh();
};

on("session-changed", ({ detail }) => {
  if (!detail?.remote && !isMenuFormSent()) broadcast("getSession");
});

on("visibilitychange online", () => {
  if (!document.hidden && !(Date.now() - refreshedAt < 5000)) refresh();
});

// A private page is covered when left, and after Back until the menu is refreshed.
function cover(reason = "") {
  if ("private" in page) page.covered = reason;
}
on("pagehide", () => cover());
on("pageshow", ({ persisted }) => {
  if (!persisted) return;
  cover();
  refresh();
});

function announce() {
  if (!menu || status === "loading") return;
  const { session } = menu.dataset;
  page.user ||= session;
  try {
    const last = localStorage["genkan.session"] ?? "";
    localStorage["genkan.session"] = session;
    if (last !== session && !isRemote) broadcast(session ? "getSession" : "signout");
  } catch {} // without storage, tabs refresh when visible
}

function replaceMenu(next) {
  const changed = status !== "loading" && next.dataset.session !== menu.dataset.session;
  menu = next;
  status = menu.dataset.status;
  announce();
  isRemote = false;
  if ("held" in page || ("private" in page && document.querySelector("[data-sent]"))) return;
  if ("private" in page && status === "unauthenticated") {
    leave(menu.querySelector("a").href);
  } else if (changed && ("private" in page || ("follow" in page && !document.querySelector("[data-sent]")))) {
    leave(location.pathname + location.search);
  } else {
    delete page.covered;
    const name = menu.querySelector("b");
    if (changed) notify(name ? "Signed in as " + name.textContent : "Signed out");
  }
}

function leave(url) {
  cover("leaving");
  location.replace(url);
}

// The page is held until resubmit.js decides.
on("htmx:before:response htmx:beforeOnLoad", (event) => {
  const request = requestOf(event);
  const code = request.response?.status ?? request.status;
  const url = request.hx ? request.hx.redirect : request.getResponseHeader("HX-Redirect");
  if (url && code === 204 && isMenuForm(sourceOf(event))) broadcast("signout"); // continues at the provider
  // Signed out in this browser only: the menu stays to try again, and nothing private does.
  if (code === 202 && "private" in page) {
    delete page.private;
    document.getElementById("content").textContent = "";
  }
  if (!url || (code !== 401 && code !== 403)) return;
  event.preventDefault();
  page.held = "";
  import("./resubmit.js").then((module) => module.refused(event.detail, url)).catch(() => leave(url));
});

on("htmx:before:swap htmx:beforeSwap", () => {
  focused = document.activeElement?.closest("[hx-get][id]")?.id;
  opened = menu?.querySelector("[open]");
});

on("htmx:after:swap htmx:afterSwap", () => {
  const next = document.getElementById("user-menu");
  if (next && next !== menu) {
    replaceMenu(next);
    if (opened) next.querySelector("details")?.setAttribute("open", "");
  }
  const part = focused && document.getElementById(focused);
  if (!part || part.contains(document.activeElement)) return;
  part.querySelector("summary, a, [tabindex]")?.focus();
  if (part.dataset.notice) notify(part.dataset.notice);
});

const requestOf = ({ detail }) => detail.ctx ?? detail.xhr;
const sourceOf = ({ detail }) => detail.ctx?.sourceElement ?? detail.elt;
const isMenuForm = (element) => element?.matches("#user-menu *");
const isMenuFormSent = () => [...inFlight.values()].some(isMenuForm);

// The form brings the new menu.
on("htmx:config:request htmx:configRequest", (event) => {
  if (sourceOf(event) === menu && isMenuFormSent()) event.preventDefault();
});

on("htmx:before:request htmx:beforeRequest", (event) => {
  const source = sourceOf(event);
  inFlight.set(requestOf(event), source);
  if (source === menu) {
    clearTimeout(slowTimer);
    slowTimer = setTimeout(() => (menu.dataset.status = "loading"), 400);
  } else if (isMenuForm(source)) {
    isRemote = false;
    menu.dispatchEvent(new CustomEvent("htmx:abort", { bubbles: true, detail: {} }));
  }
});

on("htmx:finally:request htmx:afterRequest", (event) => {
  const request = requestOf(event);
  const source = inFlight.get(request);
  inFlight.delete(request);
  if (source?.matches("[data-sent]")) {
    delete source.dataset.sent;
    if ("private" in page && status === "unauthenticated") refresh();
  }
  const code = request.response?.status ?? request.status;
  // Not if the page is held, or another request replaced a link's.
  if (source?.matches(code ? "form, a" : "form") && source.isConnected && !("held" in page || (code >= 200 && code < 400))) {
    notify("That did not work. Please try again.");
    if (isMenuForm(source)) refresh();
  }
  if (!menu || [...inFlight.values()].includes(menu)) return;
  clearTimeout(slowTimer);
  menu.dataset.status = status;
  if (source === menu && "covered" in page) location.reload();
});

// A second click sends nothing.
on("submit", (event) => {
  const { dataset } = event.target;
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

function useFallback(image) {
  const { dataset } = image;
  if (!dataset?.fallback) return;
  image.src = dataset.fallback;
  delete dataset.fallback;
}
on("error", ({ target }) => useFallback(target));
for (const image of document.images) if (image.complete && !image.naturalWidth) useFallback(image);

function notify(text) {
  const notice = document.getElementById("notice");
  notice.textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (notice.textContent = ""), 6000);
}

announce();
