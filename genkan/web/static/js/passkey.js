// Passkeys: fills in the field `data` of a form with `data-passkey`, from the options at `data-options`, before the form
// is sent. On the sign-in page the browser also offers passkeys in the address field. Without it, or in a browser without
// passkeys, the forms stay hidden.

const LIFETIME = 240_000; // milliseconds: less than that of a challenge
const CEREMONIES = '[data-passkey="register"], [data-passkey="authenticate"]';
const { PublicKeyCredential } = window;
let controller, timer;

async function ask(form, mediation) {
  controller?.abort();
  clearTimeout(timer);
  const { signal } = (controller = new AbortController());
  const response = await fetch(form.dataset.options, { headers: { Accept: "application/json" }, signal });
  if (response.status === 401) return location.reload(); // the confirmation is too old by now
  const { options } = await response.json();
  const isNew = form.dataset.passkey === "register";
  const publicKey = PublicKeyCredential[isNew ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON"](options);
  const request = mediation ? { publicKey, signal, mediation } : { publicKey, signal };
  const credential = await navigator.credentials[isNew ? "create" : "get"](request);
  form.elements.data.value = JSON.stringify(credential.toJSON());
  form.requestSubmit();
}

function explain(form, { name }) {
  if (name === "AbortError") return;
  form.querySelector("[role=status]").textContent =
    name === "InvalidStateError"
      ? "This device has a passkey for this site already."
      : name === "NotAllowedError"
        ? "That did not work. Try again, or use another way."
        : name === "NotSupportedError" || name === "ConstraintError"
          ? "This device can't make a passkey for this site."
          : "Passkeys do not work here at the moment. Use another way.";
  if (name !== "NotAllowedError") console.warn(`genkan: passkey: ${name}`);
  offer();
}

async function offer() {
  const form = document.querySelector('[data-passkey="authenticate"]');
  if (!form || !document.querySelector('input[autocomplete~="webauthn"]')) return;
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  ask(form, "conditional").catch(() => {});
  timer = setTimeout(offer, LIFETIME);
}

function signal(method, details) {
  try {
    PublicKeyCredential[method]?.(details)?.catch(() => {});
  } catch {} // the browser's list of passkeys stays as it is
}

function start() {
  const forms = [...document.querySelectorAll(CEREMONIES)].filter((form) => form.hidden);
  for (const form of forms) form.hidden = false;
  for (const text of document.querySelectorAll('[data-passkey="missing"]')) text.hidden = true;
  for (const { dataset } of document.querySelectorAll("[data-unknown-passkey]")) {
    signal("signalUnknownCredential", { rpId: dataset.rpId, credentialId: dataset.unknownPasskey });
  }
  for (const element of document.querySelectorAll("[data-known-passkeys]")) {
    const { rpId, userId, allAcceptedCredentialIds, name, displayName } = JSON.parse(element.dataset.knownPasskeys);
    signal("signalAllAcceptedCredentials", { rpId, userId, allAcceptedCredentialIds });
    signal("signalCurrentUserDetails", { rpId, userId, name, displayName });
  }
  if (forms.length) offer();
}

if (PublicKeyCredential?.parseRequestOptionsFromJSON) {
  const onSubmit = (event) => {
    const form = event.target;
    if (!form.matches(CEREMONIES) || form.elements.data.value) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    form.querySelector("[role=status]").textContent = "";
    ask(form).catch((error) => explain(form, error));
  };
  addEventListener("submit", onSubmit, true);
  addEventListener("pagehide", () => controller?.abort());
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    for (const form of document.querySelectorAll(CEREMONIES)) form.elements.data.value = "";
    offer();
  });
  for (const name of ["htmx:after:swap", "htmx:afterSwap"]) addEventListener(name, start, true);
  start();
}
