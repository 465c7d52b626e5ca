// Fetches the menu and sends its forms on a page without htmx, as htmx does elsewhere. Refreshes a menu from the history of
// htmx 1 and 2.

let controller, isSending;

/** Replaces the menu by the one that the server renders now. Keeps it if the request fails. */
export async function refresh(menu) {
  if (isSending) return;
  try {
    if (await replace(menu, await request(menu.getAttribute("hx-get"), { cache: "no-store" }))) return;
  } catch (error) {
    if (error.name === "AbortError") return;
  }
  // A page that is covered until its user is known.
  if ("covered" in document.body.dataset) location.reload();
}

addEventListener(
  "submit",
  (event) => {
    const { target, defaultPrevented } = event;
    // On a private page the browser sends the form: the response is another page.
    if (window.htmx || "private" in document.body.dataset || defaultPrevented || !target.matches("#user-menu *")) return;
    event.preventDefault();
    isSending = true;
    send(target)
      .catch(() => target.submit())
      .finally(() => (isSending = false));
  },
  true,
);

// htmx 1 and 2 restore a page as it was. Then its menu may be that of another user.
addEventListener(
  "htmx:historyRestore",
  () => {
    document.dispatchEvent(new CustomEvent("genkan:after"));
    document.dispatchEvent(new CustomEvent("session-changed", { detail: { remote: true } }));
  },
  true,
);

// htmx has the fields of DELETE and GET in the URL, which is kept in logs and in the history. The token is sent as a header.
for (const name of ["htmx:config:request", "htmx:configRequest"]) {
  addEventListener(name, ({ detail }) => {
    const { method = detail.verb, body, headers } = detail.ctx?.request ?? detail;
    const fields = body ?? detail.formData;
    const source = detail.ctx?.sourceElement ?? detail.elt;
    const isOwn = source.closest("#user-menu, [data-genkan]");
    if (!isOwn || !/^(get|delete)$/i.test(method) || !fields?.has?.("csrfToken")) return;
    headers["X-CSRF-Token"] = fields.get("csrfToken");
    fields.delete("csrfToken");
  });
}

/** Sends a form of the menu, such as the one to sign out, and replaces the menu. Throws an error if that fails. */
async function send(form) {
  const menu = form.closest("#user-menu");
  const response = await request(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  const url = response.headers.get("HX-Redirect");
  if (url) return location.assign(url);
  const next = await replace(menu, response);
  if (!next) throw new Error(response.status);
  // The server asks for the form once more, with the token in it.
  const again = next.querySelector("[hx-trigger^=load]");
  if (again) await send(again);
}

function request(url, options) {
  controller?.abort();
  controller = new AbortController();
  const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
  return fetch(url, { headers, signal: controller.signal, ...options });
}

async function replace(menu, response) {
  const template = document.createElement("template");
  template.innerHTML = await response.text();
  const next = template.content.firstElementChild;
  if (!response.ok || next?.id !== "user-menu" || !menu.isConnected) return;
  document.dispatchEvent(new CustomEvent("genkan:before"));
  menu.replaceWith(next);
  document.dispatchEvent(new CustomEvent("genkan:after"));
  return next;
}
