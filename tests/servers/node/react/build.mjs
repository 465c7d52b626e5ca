// Bundles the page into one classic script:  node build.mjs <file to write>

import { build } from "esbuild";
import { fileURLToPath } from "node:url";

await build({
  entryPoints: [fileURLToPath(new URL("page.jsx", import.meta.url))],
  outfile: process.argv[2],
  bundle: true,
  format: "iife",
  jsx: "automatic",
  minify: true,
  target: "es2022",
  logLevel: "warning",
  // What next-auth asks of the environment: nothing is set, so it talks to /api/auth of the page's own origin.
  define: {
    "process.env.NODE_ENV": '"production"',
    "process.env.NEXTAUTH_URL": "undefined",
    "process.env.NEXTAUTH_URL_INTERNAL": "undefined",
    "process.env.VERCEL_URL": "undefined",
  },
});
