// Runs the tests of the pages, or takes their screenshots (`--screenshots`), against a real server.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openBrowser } from "./browser.mjs";
import { cases } from "./cases.mjs";
import { screenshots } from "./screenshots.mjs";
import { makeRepository, startServer } from "./server.mjs";

const only = process.argv.find((argument) => argument.startsWith("--only="))?.slice(7);
const server = await startServer();
let failed = 0;
try {
  const repository = makeRepository(join(server.home, "adder"));
  if (process.argv.includes("--screenshots")) {
    const folder = new URL("../screenshots/", import.meta.url).pathname;
    mkdirSync(folder, { recursive: true });
    await screenshots({ server, repository, folder });
  } else {
    for (const size of ["desk", "phone"]) failed += await runAll(size, repository);
  }
} finally {
  await server.stop();
}
process.exitCode = failed > 0 ? 1 : 0;

async function runAll(size, repository) {
  const browser = await openBrowser(size);
  let wrong = 0;
  try {
    await browser.page.goto(await server.login());
    for (const [title, run] of Object.entries(cases)) {
      if (only && !title.includes(only)) continue;
      const begun = Date.now();
      browser.errors.length = 0;
      try {
        await run({ ...browser, server, repository, size, name: (text) => `${text} ${size}` });
        if (browser.errors.length > 0) throw new Error(`the console has errors:\n${browser.errors.join("\n")}`);
        console.log(`ok    ${size}  ${title}  ${Date.now() - begun} ms`);
      } catch (error) {
        wrong += 1;
        console.error(`FAIL  ${size}  ${title}\n${error.stack}`);
        const folder = new URL(".results/", import.meta.url).pathname;
        mkdirSync(folder, { recursive: true });
        await browser.page.screenshot({ path: join(folder, `${size} ${title}.png`) }).catch(() => {});
      }
    }
  } finally {
    await browser.close();
  }
  return wrong;
}
