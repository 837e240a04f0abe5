// A real server with the scripted agent, on a scratch home and data directory, for the tests of the pages.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const git = (cwd, ...args) =>
  execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@localhost", ...args], { cwd, stdio: "pipe" });

/** A repository with a small library in it. */
export function makeRepository(path) {
  mkdirSync(join(path, "src"), { recursive: true });
  writeFileSync(join(path, "README.md"), "# Adder\n\nA small library that adds.\n");
  writeFileSync(join(path, "src/add.js"), "export function add(a, b) {\n  return a + b;\n}\n");
  git(path, "init", "-q", "-b", "main");
  git(path, "add", "-A");
  git(path, "commit", "-q", "-m", "A small library that adds");
  return path;
}

/** Starts a server; `TASKWRIGHT` names the binary, beside which the scripted agent lies in `examples`. */
export async function startServer() {
  const binary = process.env.TASKWRIGHT;
  if (!binary) throw new Error("set TASKWRIGHT to the server's binary");
  const scratch = mkdtempSync(join(tmpdir(), "taskwright-web-"));
  const home = join(scratch, "home");
  mkdirSync(home);
  const env = {
    ...process.env,
    HOME: home,
    CLAUDE_CLI_COMMAND: join(dirname(binary), "examples", "scripted-agent"),
    SCRIPTED_AGENT_STATE: join(scratch, "agent"),
    TASKWRIGHT_PLUGIN_CACHE: process.env.TASKWRIGHT_PLUGIN_CACHE ?? join(tmpdir(), "plugin-cache"),
    TASKWRIGHT_LOG: "warn",
    GIT_AUTHOR_NAME: "Test",
    GIT_AUTHOR_EMAIL: "test@localhost",
    GIT_COMMITTER_NAME: "Test",
    GIT_COMMITTER_EMAIL: "test@localhost",
  };
  const data = join(scratch, "data");
  const child = spawn(binary, ["serve", "--listen", "127.0.0.1:0", "--data-dir", data, "--stop-agents"], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  const address = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server does not come up:\n${log}`)), 120_000);
    const read = (chunk) => {
      log += chunk;
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(log);
      if (!found) return;
      clearTimeout(timer);
      resolve(found[0]);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("exit", (code) => reject(new Error(`the server left with ${code}:\n${log}`)));
  });
  const token = () => readFileSync(join(data, "token"), "utf8").trim();
  const call = async (method, path, body) => {
    const response = await fetch(`${address}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token()}`, ...(body ? { "content-type": "application/json" } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
  const pages = process.env.PAGES === "dist" ? await servePages(address) : undefined;
  return {
    address: pages?.address ?? address,
    home,
    call,
    log: () => log,
    /** Where a browser gets its cookie. */
    login: async () => {
      const { path } = await call("POST", "/login-codes");
      return `${pages?.address ?? address}${path ?? "/"}`;
    },
    stop: async () => {
      pages?.stop();
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.removeAllListeners("exit");
      child.once("exit", () => {});
      child.kill("SIGTERM");
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 15_000))]);
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

/** Gives the pages of `dist` in place of those in the binary, so that they can be tried without building it again. */
async function servePages(server) {
  process.env.TASKWRIGHT_SERVER = server;
  const { preview } = await import("vite");
  const root = new URL("../", import.meta.url).pathname;
  const policy = `default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'`;
  const headers = { "content-security-policy": policy };
  const served = await preview({ root, logLevel: "error", preview: { host: "127.0.0.1", port: 0, headers } });
  const { port } = served.httpServer.address();
  return { address: `http://127.0.0.1:${port}`, stop: () => served.httpServer.closeAllConnections() || served.close() };
}
