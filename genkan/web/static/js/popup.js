// Tells the page that waits that the sign-in is complete, and closes this window. The message is Auth.js's own, so tabs
// with React hear it too. `window.opener` can't be used, because providers cut it (Cross-Origin-Opener-Policy).

try {
  new BroadcastChannel("next-auth").postMessage({ event: "session", data: { trigger: "getSession" } });
} catch {} // without it, the page notices the sign-in when it has the focus again
close();
