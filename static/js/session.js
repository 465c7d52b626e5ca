// Keeps this page in step with server and tabs: at `session-changed` what was drawn from the session asks again.
// Events are named for htmx 4 and 2.

const channel = new BroadcastChannel("next-auth");
const page = document.body.dataset;
const inFlight = new Map();

let menu = document.getElementById("user-menu");
let status = menu?.dataset.status; // never the "loading" of a slow refresh
let toldByOthers, askedAt, slow, hush, focused, opened;

const on = (names, act) => names.split(" ").forEach((name) => addEventListener(name, act, true));
const tell = (trigger) => channel.postMessage({ event: "session", data: { trigger } });

function signal() {
  askedAt = Date.now();
  document.dispatchEvent(new CustomEvent("session-changed", { detail: { remote: true } }));
}

channel.onmessage = () => {
  toldByOthers = !isMenuAnswering();
  signal();
};

on("session-changed", ({ detail }) => {
  if (!detail?.remote && !isMenuAnswering()) tell("getSession");
});

on("visibilitychange online", () => {
  if (!document.hidden && !(Date.now() - askedAt < 5000)) signal();
});

// A private page is left covered; after Back until the server has said who is here.
function cover(why = "") {
  if ("private" in page) page.covered = why;
}
on("pagehide", () => cover());
on("pageshow", ({ persisted }) => {
  if (!persisted) return;
  cover();
  signal();
});

function announce() {
  if (!menu || status === "loading") return;
  const { session } = menu.dataset;
  page.person ||= session;
  try {
    const last = localStorage["genkan.session"] ?? "";
    localStorage["genkan.session"] = session;
    if (last !== session && !toldByOthers) tell(session ? "getSession" : "signout");
  } catch {} // no storage: they ask when they become visible
}

function arrive(next) {
  const changed = status !== "loading" && next.dataset.session !== menu.dataset.session;
  menu = next;
  status = menu.dataset.status;
  announce();
  toldByOthers = false;
  if ("held" in page || ("private" in page && document.querySelector("[data-sent]"))) return;
  if ("private" in page && status === "unauthenticated") {
    leave(menu.querySelector("a").href);
  } else if (changed && ("private" in page || ("follow" in page && !document.querySelector("[data-sent]")))) {
    leave(location.pathname + location.search);
  } else {
    delete page.covered;
    const name = menu.querySelector("b");
    if (changed) say(name ? "Signed in as " + name.textContent : "Signed out");
  }
}

function leave(way) {
  cover("leaving");
  location.replace(way);
}

// Until again.js knows whether it can yet be sent, the page is held.
on("htmx:before:response htmx:beforeOnLoad", (event) => {
  const request = requestOf(event);
  const code = request.response?.status ?? request.status;
  const way = request.hx ? request.hx.redirect : request.getResponseHeader("HX-Redirect");
  if (way && code === 204 && isMenuForm(sourceOf(event))) tell("signout"); // the way is the provider's own
  if (!way || (code !== 401 && code !== 403)) return;
  event.preventDefault();
  page.held = "";
  import("./again.js").then((room) => room.refused(event.detail, way)).catch(() => leave(way));
});

on("htmx:before:swap htmx:beforeSwap", () => {
  focused = document.activeElement?.closest("[hx-get][id]")?.id;
  opened = menu?.querySelector("[open]");
});

on("htmx:after:swap htmx:afterSwap", () => {
  const next = document.getElementById("user-menu");
  if (next && next !== menu) {
    arrive(next);
    if (opened) next.querySelector("details")?.setAttribute("open", "");
  }
  const part = focused && document.getElementById(focused);
  if (!part || part.contains(document.activeElement)) return;
  part.querySelector("summary, a, [tabindex]")?.focus();
  if (part.dataset.said) say(part.dataset.said);
});

const requestOf = ({ detail }) => detail.ctx ?? detail.xhr;
const sourceOf = ({ detail }) => detail.ctx?.sourceElement ?? detail.elt;
const isMenuForm = (element) => element?.matches("#user-menu *");
const isMenuAnswering = () => [...inFlight.values()].some(isMenuForm);

// The menu's form brings the new menu.
on("htmx:config:request htmx:configRequest", (event) => {
  if (sourceOf(event) === menu && isMenuAnswering()) event.preventDefault();
});

on("htmx:before:request htmx:beforeRequest", (event) => {
  const source = sourceOf(event);
  inFlight.set(requestOf(event), source);
  if (source === menu) {
    clearTimeout(slow);
    slow = setTimeout(() => (menu.dataset.status = "loading"), 400);
  } else if (isMenuForm(source)) {
    toldByOthers = false;
    menu.dispatchEvent(new CustomEvent("htmx:abort", { bubbles: true, detail: {} }));
  }
});

on("htmx:finally:request htmx:afterRequest", (event) => {
  const request = requestOf(event);
  const source = inFlight.get(request);
  inFlight.delete(request);
  if (source?.matches("[data-sent]")) {
    delete source.dataset.sent;
    if ("private" in page && status === "unauthenticated") signal();
  }
  const code = request.response?.status ?? request.status;
  // Not what again.js holds, nor a link's request that made way for another.
  if (source?.matches(code ? "form, a" : "form") && source.isConnected && !("held" in page || (code >= 200 && code < 400))) {
    say("That did not work. Please try again.");
    if (isMenuForm(source)) signal();
  }
  if (!menu || [...inFlight.values()].includes(menu)) return;
  clearTimeout(slow);
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

function mend(image) {
  const { dataset } = image;
  if (!dataset?.fallback) return;
  image.src = dataset.fallback;
  delete dataset.fallback;
}
on("error", ({ target }) => mend(target));
for (const image of document.images) if (image.complete && !image.naturalWidth) mend(image);

function say(words) {
  const notice = document.getElementById("notice");
  notice.textContent = words;
  clearTimeout(hush);
  hush = setTimeout(() => (notice.textContent = ""), 6000);
}

announce();
