// Every view, on a desk and on a phone, light and dark.
import { join } from "node:path";
import { openBrowser } from "./browser.mjs";
import { make, scripts, until } from "./scenes.mjs";

export async function screenshots({ server, repository, folder }) {
  const ask = { chains: { responder: [] } };
  await make(server, repository, "Add subtraction", scripts.finished);
  await make(server, repository, "Choose a rounding mode", scripts.asks, ask);
  await make(server, repository, "Look at the remote", scripts.permits, ask);
  await make(server, repository, "Explain the design", scripts.chats, { chat_mode: true });
  await make(server, repository, "Reach the model", scripts.fails);
  await make(server, repository, "Write a long answer", scripts.streams, ask);
  await make(server, repository, "Add multiplication", scripts.finished, { auto_start: false });
  await until(server, "Add subtraction", (task) => ["COMPLETED", "FINISHED"].includes(task.status));
  await until(server, "Reach the model", (task) => task.status === "FAILED");
  const name = (text) => `/tasks/${encodeURIComponent(text)}`;
  const views = {
    board: "/",
    list: "/?view=list",
    inbox: "/inbox",
    create: "/new",
    projects: "/projects",
    prompts: "/prompts",
    plugins: "/plugins",
    usage: "/usage",
    settings: "/settings",
    task: name("Add subtraction"),
    running: name("Write a long answer"),
    question: name("Choose a rounding mode"),
    changes: `${name("Add subtraction")}?tab=changes&file=src%2Fsubtract.js`,
    evidence: `${name("Add subtraction")}?tab=evidence`,
    finish: `${name("Add subtraction")}?tab=finish`,
    activity: `${name("Add subtraction")}?tab=activity`,
  };
  for (const size of ["desk", "phone"]) {
    for (const dark of [false, true]) {
      const browser = await openBrowser(size, { dark });
      await browser.page.goto(await server.login());
      for (const [view, path] of Object.entries(views)) {
        await browser.page.goto(server.address + path);
        await browser.page.getByRole("heading", { level: 1 }).waitFor();
        await browser.page.waitForLoadState("networkidle", { timeout: 3_000 }).catch(() => {});
        await browser.page.waitForTimeout(500);
        await browser.page.screenshot({ path: join(folder, `${view}-${size}-${dark ? "dark" : "light"}.png`) });
      }
      if (browser.errors.length > 0) console.error(browser.errors.join("\n"));
      await browser.close();
    }
  }
}
