// What the board loads before it can be used: every script that the page names.
import { readFileSync } from "node:fs";

const page = readFileSync(new URL("dist/index.html", import.meta.url), "utf8");
const scripts = new Set([...page.matchAll(/assets\/[^"]+\.js/g)].map(([path]) => `dist/${path}`));

export default [{ name: "first load", path: [...scripts], limit: "300 KB", brotli: true }];
