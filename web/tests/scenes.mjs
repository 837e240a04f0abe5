// Tasks that show what the pages can show, each by a script of the agent.

const fence = (script) => `\n\n\`\`\`script\n${script}\n\`\`\`\n`;

export const scripts = {
  finished: fence(`think The library adds already. Subtraction goes beside it.
say I look at \`src/add.js\` first.
run cat src/add.js
write src/subtract.js export function subtract(a, b) {\\n  return a - b;\\n}\\n
append README.md \\nIt subtracts too.\\n
say Done. **Subtraction** stands in \`src/subtract.js\`:\\n\\n\`\`\`js\\nexport function subtract(a, b) {\\n  return a - b;\\n}\\n\`\`\`\\n\\n| function | what |\\n|---|---|\\n| add | sums |\\n| subtract | differences |
cost 0.0421`),
  asks: fence(`say Two ways are possible.
ask Which way should it be? | Fast | Small
say You chose {answer}.`),
  permits: fence(`say I need to look at the remote.
permit git remote -v
say Thank you.`),
  streams: fence(`say I begin.
type 60 This text comes word by word so that one can watch how it streams into the page while nothing else moves and the list stays at its end until it is whole
hang`),
  fails: fence(`say I try.
error 401 The key is not valid`),
  chats: fence(`say Hello. What shall we do?
turn
say You said: {message}
turn
say And then: {message}`),
};

/** Creates a task and starts it. */
export function make(server, repository, name, script, more = {}) {
  return server.call("POST", "/tasks", {
    task_name: name,
    description: `${name}.${script}`,
    root_folder: repository,
    auto_start: true,
    ...more,
  });
}

/** Waits until the server says that a task is as it should be. */
export async function until(server, name, fits, patience = 40_000) {
  const end = Date.now() + patience;
  for (;;) {
    const task = await server.call("GET", `/tasks/by-name/${encodeURIComponent(name)}`);
    if (fits(task)) return task;
    if (Date.now() > end) throw new Error(`${name} stays ${task.status}: ${task.error_message ?? ""}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
