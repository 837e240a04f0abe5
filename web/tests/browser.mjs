// A browser with a profile of its own, and pages that remember what went wrong in them.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const sizes = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

export async function openBrowser(size, { dark = false } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "taskwright-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    viewport: sizes[size],
    hasTouch: size === "phone",
    colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  context.setDefaultTimeout(20_000);
  if (process.env.PAGES) await servePages(context, process.env.PAGES);
  const page = context.pages()[0] ?? (await context.newPage());
  const errors = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(`${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  return {
    page,
    errors,
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Gives pages from a folder in place of those in the binary, so that they can be tried without building it again. */
async function servePages(context, folder) {
  const types = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
  await context.route(
    (url) => !/^\/(api|login|health)/.test(url.pathname),
    async (route) => {
      const { pathname } = new URL(route.request().url());
      const path = /\.\w+$/.test(pathname) && !pathname.startsWith("/tasks/") ? pathname : "/index.html";
      if (!existsSync(join(folder, path))) return route.continue();
      const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'";
      const headers = { "content-type": types[path.split(".").at(-1)], "content-security-policy": policy };
      await route.fulfill({ body: readFileSync(join(folder, path)), headers });
    },
  );
}

/** What axe finds on the page as it is. */
export async function axe(page) {
  // Evaluated by the debugger, which the page's content policy does not bind.
  await page.evaluate(axeSource);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] },
    }),
  );
  return found.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target.join(" ")} ${node.failureSummary}`).join(" | ")}`,
  );
}
