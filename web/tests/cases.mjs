// What a person can do with the pages, each point once on a desk and once on a phone.
import assert from "node:assert/strict";
import { axe } from "./browser.mjs";
import { make, scripts, until } from "./scenes.mjs";

const noViolations = async (page, where) => assert.deepEqual(await axe(page), [], `axe on ${where}`);
const address = (server, name, tab) => `${server.address}/tasks/${encodeURIComponent(name)}${tab ? `?tab=${tab}` : ""}`;
const heading = (page, name) => page.getByRole("heading", { level: 1, name }).waitFor();
const said = (page, text) => page.getByRole("log").getByText(text, { exact: true });
const talk = async (page, size) => {
  if (size === "phone") await page.getByRole("tab", { name: "Conversation" }).click();
};

export const cases = {
  "an empty board leads to the form": async ({ page, server, size }) => {
    if (size === "phone") return;
    await page.goto(server.address);
    await page.getByRole("heading", { name: "No task yet" }).waitFor();
    await noViolations(page, "the empty board");
    await page.getByRole("link", { name: "New task" }).first().click();
    await heading(page, "New task");
  },

  "a task is created, runs, and its work is seen": async ({ page, server, repository, size, name }) => {
    const title = name("Add subtraction");
    await page.goto(`${server.address}/new`);
    await heading(page, "New task");
    await page.getByLabel("What should be done").fill(`${title}.${scripts.finished}`);
    await page.getByLabel("Name", { exact: true }).fill(title);
    await page.getByLabel("Project folder").fill(repository);
    await noViolations(page, "the form");
    await page.getByRole("button", { name: "Create and start" }).click();
    await heading(page, title);
    await page.getByText("Subtraction", { exact: true }).waitFor({ timeout: 40_000 });
    await until(server, title, (task) => ["COMPLETED", "FINISHED"].includes(task.status));
    await page
      .getByRole("main")
      .getByText(/^(Completed|Finished)$/)
      .first()
      .waitFor();
    await noViolations(page, "the conversation");
    for (const [tab, text] of [
      ["Changes", "src/subtract.js"],
      ["Tests", "No tests were run"],
      ["Evidence", "Commits"],
      ["Finish", "Bring it onto a branch"],
      ["Activity", "task.status"],
      ["Settings", "Done when"],
    ]) {
      await page.getByRole("tab", { name: tab }).click();
      await page.getByRole("tabpanel").getByText(text).first().waitFor();
      await noViolations(page, `the tab ${tab} of a task`);
    }
    if (size === "desk") await page.getByRole("link", { name: "Taskwright" }).click();
    else await page.getByRole("link", { name: "Board" }).click();
    await heading(page, "Tasks");
    if (size === "phone") await page.getByRole("button", { name: /^Done/ }).click();
    await page.getByRole("link", { name: title }).waitFor();
    await noViolations(page, "the board");
  },

  "a question is answered in the inbox": async ({ page, server, repository, name }) => {
    const title = name("Choose a way");
    await page.goto(`${server.address}/inbox`);
    await heading(page, "Needs you");
    await make(server, repository, title, scripts.asks, { chains: { responder: [] } });
    const card = page.getByRole("article", { name: `Question of ${title}` });
    await card.waitFor({ timeout: 40_000 });
    await page.waitForFunction(() => /^\(\d+\)/.test(document.title));
    await noViolations(page, "the inbox");
    await card.getByRole("button", { name: /Small/ }).click();
    await card.waitFor({ state: "detached" });
    await page.goto(address(server, title));
    await said(page, "You chose Small.").waitFor();
  },

  "a permission is given on the task's page": async ({ page, server, repository, name }) => {
    const title = name("Look at the remote");
    await make(server, repository, title, scripts.permits, { chains: { responder: [] } });
    await page.goto(address(server, title));
    const card = page.getByRole("article", { name: `Permission of ${title}` });
    await card.waitFor({ timeout: 40_000 });
    await card.getByText("git remote -v").first().waitFor();
    await noViolations(page, "a permission");
    await card.getByRole("button", { name: "Allow" }).click();
    await said(page, "Thank you.").waitFor();
  },

  "text streams, a message waits and is taken back, stop and resume": async ({ page, server, repository, name }) => {
    const title = name("Stream");
    await make(server, repository, title, scripts.streams, { chains: { responder: [] } });
    await page.goto(address(server, title));
    await page.getByRole("log").locator("p", { hasText: "comes word by word" }).waitFor({ timeout: 40_000 });
    const box = page.getByLabel("Message to the agent");
    await box.fill("Wait for this");
    await box.press("Control+Enter");
    const waiting = page.getByRole("list", { name: "Waiting messages" });
    await waiting.getByText("Wait for this").waitFor();
    assert.equal(await box.inputValue(), "");
    await waiting.getByRole("button", { name: "Edit the waiting message" }).click();
    await page.getByLabel("Waiting message", { exact: true }).fill("Wait for that");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await waiting.getByText("Wait for that").waitFor();
    await noViolations(page, "a running task");
    await waiting.getByRole("button", { name: "Remove the waiting message" }).click();
    await waiting.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await page.getByRole("button", { name: "Resume", exact: true }).waitFor();
    await noViolations(page, "a stopped task");
  },

  "a chat goes back and forth": async ({ page, server, repository, name }) => {
    const title = name("Chat");
    await make(server, repository, title, scripts.chats, { chat_mode: true });
    await page.goto(address(server, title));
    await said(page, "Hello. What shall we do?").waitFor({ timeout: 40_000 });
    const box = page.getByLabel("Message to the agent");
    await box.fill("Let us begin");
    await box.press("Control+Enter");
    await said(page, "You said: Let us begin").waitFor();
    await box.press("ArrowUp");
    assert.equal(await box.inputValue(), "Let us begin");
  },

  "a comment on a line goes with the next message": async ({ page, server, size, name }) => {
    const title = name("Add subtraction");
    await page.goto(address(server, title, "changes"));
    await page.getByRole("button", { name: /subtract\.js/ }).click();
    await page.getByLabel("Line to comment").fill("2");
    await page.getByLabel("Line to comment").press("Enter");
    await page.getByLabel("Comment on line 2").fill("Check for numbers");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByText("Check for numbers").waitFor();
    await noViolations(page, "a comment");
    await talk(page, size);
    await page.getByText("1 comments on the changes go with it").waitFor();
  },

  "a new attempt is made from the card": async ({ page, server, size, name }) => {
    const title = name("Add subtraction");
    await page.goto(`${server.address}/?q=${encodeURIComponent(title)}`);
    if (size === "phone") await page.getByRole("button", { name: /^Done/ }).click();
    await page.getByRole("button", { name: `Actions for ${title}` }).click();
    await page.getByRole("menuitem", { name: "New attempt" }).click();
    await heading(page, `${title} (2)`);
  },

  "the list shows, sorts and filters by the address": async ({ page, server, size, name }) => {
    await page.goto(`${server.address}/?view=list&q=subtraction`);
    await page.getByRole("link", { name: name("Add subtraction"), exact: true }).waitFor();
    assert.equal(await page.getByRole("link", { name: name("Chat") }).count(), 0);
    await noViolations(page, "the list");
    if (size === "desk") {
      await page.getByRole("button", { name: "Task", exact: true }).click();
      await page.waitForURL(/sort=name/);
    }
  },

  "the keyboard alone gets about": async ({ page, server, size }) => {
    if (size === "phone") return;
    await page.goto(server.address);
    await heading(page, "Tasks");
    await page.keyboard.press("g");
    await page.keyboard.press("i");
    await heading(page, "Needs you");
    await page.keyboard.press("c");
    await heading(page, "New task");
    await page.keyboard.press("Escape");
    await page.goto(server.address);
    await heading(page, "Tasks");
    await page.getByRole("link", { name: /./ }).first().waitFor();
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder("Type a command or the name of a task").fill("settings");
    await noViolations(page, "the palette");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await heading(page, "Settings");
    await page.keyboard.press("?");
    await page.getByRole("heading", { name: "Keyboard shortcuts" }).waitFor();
    await noViolations(page, "the shortcuts");
    await page.keyboard.press("Escape");
  },

  "a project and a prompt are kept, plugins and usage are shown": async ({ page, server, repository, name }) => {
    await page.goto(`${server.address}/projects`);
    await page.getByRole("button", { name: "Add a project" }).click();
    await page.getByLabel("Folder", { exact: true }).fill(repository);
    await page.getByLabel("Name", { exact: true }).fill(name("Adder"));
    await noViolations(page, "the form of a project");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("article", { name: name("Adder") }).waitFor();
    await noViolations(page, "the projects");
    await page.goto(`${server.address}/prompts`);
    await page.getByRole("button", { name: "New prompt" }).click();
    await page.getByLabel("Title").fill(name("Review"));
    await page.getByLabel("Text").fill("Look at what you did once more.");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("article", { name: name("Review") }).waitFor();
    await noViolations(page, "the prompts");
    await page.goto(`${server.address}/plugins`);
    await page.getByRole("article").first().waitFor();
    await noViolations(page, "the plugins");
    await page.goto(`${server.address}/usage`);
    await heading(page, "Usage");
    await page.getByRole("table").waitFor();
    await noViolations(page, "the usage");
    await page.goto(address(server, name("Chat")));
    const box = page.getByLabel("Message to the agent");
    await box.fill("/rev");
    await page.getByRole("button", { name: name("Review") }).click();
    assert.equal(await box.inputValue(), "Look at what you did once more.");
    await box.fill("");
  },

  "the theme is kept": async ({ page, server }) => {
    await page.goto(`${server.address}/settings`);
    await heading(page, "Settings");
    await noViolations(page, "the settings");
    await page.getByRole("button", { name: /Theme/ }).click();
    await page.getByRole("option", { name: "Dark" }).click();
    await page.reload();
    await heading(page, "Settings");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    await noViolations(page, "the settings in the dark");
    await page.goto(server.address);
    await heading(page, "Tasks");
    await noViolations(page, "the board in the dark");
    await page.evaluate(() => localStorage.removeItem("theme"));
  },
};
