// The second window has done its work: it tells the page that waits for it (in Auth.js's words, React's tabs listen
// too) and closes. Nothing else reaches that page, since providers cut the tie between a window and its opener.

new BroadcastChannel("next-auth").postMessage({ event: "session", data: { trigger: "getSession" } });
close();
