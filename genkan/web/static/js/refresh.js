// Fetches the menu on a page without htmx, as htmx does elsewhere. session.js loads this module at the first refresh.

let controller;

/** Replaces the menu by the one that the server renders now. Keeps it if the request fails. */
export async function refresh(menu) {
  controller?.abort();
  controller = new AbortController();
  const response = await fetch(menu.getAttribute("hx-get"), {
    headers: { "HX-Request": "true", "HX-Current-URL": location.href },
    cache: "no-store",
    signal: controller.signal,
  });
  const template = document.createElement("template");
  template.innerHTML = await response.text();
  const next = template.content.firstElementChild;
  if (!response.ok || next?.id !== "user-menu" || !menu.isConnected) return;
  document.dispatchEvent(new CustomEvent("genkan:before"));
  menu.replaceWith(next);
  document.dispatchEvent(new CustomEvent("genkan:after"));
}
