// Counts the pages that the visitor has seen without loading the script again.
window.pages = 1;
document.addEventListener("htmx:afterSettle", () => window.pages++);
