// Adds a button to each password field that shows what was typed. Without this script the field is as it was.

function add() {
  for (const box of document.querySelectorAll("[data-genkan] .secret:not(:has(button))")) {
    const button = document.createElement("button");
    button.type = "button";
    button.onclick = () => show(button, button.textContent === "Show");
    box.append(button);
    show(button, false);
  }
}

function show(button, visible) {
  const input = button.previousElementSibling;
  input.type = visible ? "text" : "password";
  button.textContent = visible ? "Hide" : "Show";
  button.setAttribute("aria-label", `${button.textContent} ${input.labels[0].textContent.toLowerCase()}`);
}

// Browsers remember what is typed into a field of another type.
for (const name of ["submit", "pagehide"]) {
  addEventListener(name, () => document.querySelectorAll(".secret button").forEach((button) => show(button, false)), true);
}
for (const name of ["htmx:after:swap", "htmx:afterSwap"]) addEventListener(name, add, true);
add();
