import type { QueryClient } from "@tanstack/react-query";
import { type Activity, keys, type Log } from "./queries";
import type { LiveEvent, Question, Task } from "./types";

const BEAT_MS = 5_000;
const BEATS = 24;

/**
 * Writes events into the cache: the one place where what happened becomes what is shown.
 *
 * Events of a task come in their order, each once; those that a log has already are skipped.
 */
export function apply(cache: QueryClient, events: LiveEvent[]): void {
  const changed = new Map<string, (task: Task) => Task>();
  const added = new Map<string, LiveEvent[]>();
  const gone = new Set<string>();
  const stale = new Set<string>();
  let created = false;

  for (const event of events) {
    if (event.task === "") continue;
    const change = taskChange(event);
    if (change) {
      const before = changed.get(event.task);
      changed.set(event.task, before ? (task) => change(before(task)) : change);
    }
    const list = added.get(event.task);
    if (list) list.push(event);
    else added.set(event.task, [event]);
    if (event.kind === "task.created") created = true;
    if (event.kind === "task.deleted") gone.add(event.task);
    if (event.kind.startsWith("input.")) stale.add(`inputs ${event.task}`);
    if (makesEvidenceStale(event)) stale.add(`evidence ${event.task}`);
    applyToQuestions(cache, event);
    if (endsPartialText(event)) cache.setQueryData(keys.partial(event.task), "");
  }

  applyToTasks(cache, changed, gone);
  for (const [name, list] of added) {
    appendToLog(cache, name, list);
    cache.setQueryData<Activity | null>(keys.activity(name), (before) => activity(before ?? null, list, Date.now()));
  }
  if (created) void cache.invalidateQueries({ queryKey: keys.tasks });
  for (const mark of stale) {
    const [what, name] = [mark.slice(0, mark.indexOf(" ")), mark.slice(mark.indexOf(" ") + 1)];
    if (what === "inputs") void cache.invalidateQueries({ queryKey: keys.inputs(name) });
    else {
      for (const key of [keys.evidence(name), keys.diff(name), keys.worktree(name)])
        void cache.invalidateQueries({ queryKey: key });
    }
  }
}

/** Adds text that an agent is writing. */
export function applyPartial(cache: QueryClient, name: string, text: string): void {
  cache.setQueryData<string>(keys.partial(name), (before) => (before ?? "") + text);
}

/** What an event changes in a task's fields. */
export function taskChange(event: LiveEvent): ((task: Task) => Task) | undefined {
  switch (event.kind) {
    case "task.status": {
      const { status, paused_until } = event.payload;
      return (task) => ({ ...task, status, paused_until: paused_until ?? null, updated_at: event.at });
    }
    case "task.updated": {
      const { changes } = event.payload;
      return (task) => ({ ...task, ...(changes as Partial<Task>), updated_at: event.at });
    }
    case "turn.ended": {
      const { spent } = event.payload;
      const { input, output, cache_creation } = spent.tokens;
      return (task) => ({
        ...task,
        iterations: spent.iterations,
        tokens: spent.tokens,
        total_tokens_used: input + output + cache_creation,
        total_cost_usd: spent.cost_usd,
        running_seconds: spent.running_seconds,
        updated_at: event.at,
      });
    }
    case "workspace.ready": {
      const { branch, path } = event.payload;
      return (task) => ({ ...task, branch_name: branch ?? task.branch_name ?? null, worktree_path: path });
    }
    default:
      return undefined;
  }
}

function applyToTasks(cache: QueryClient, changed: Map<string, (task: Task) => Task>, gone: Set<string>): void {
  if (changed.size === 0 && gone.size === 0) return;
  cache.setQueryData<Task[]>(keys.tasks, (tasks) =>
    tasks?.filter((task) => !gone.has(task.task_name)).map((task) => changed.get(task.task_name)?.(task) ?? task),
  );
  for (const [name, change] of changed) {
    cache.setQueryData<Task>(keys.task(name), (task) => task && change(task));
  }
  for (const name of gone) cache.removeQueries({ queryKey: keys.log(name) });
}

function appendToLog(cache: QueryClient, name: string, events: LiveEvent[]): void {
  cache.setQueryData<Log>(keys.log(name), (log) => {
    if (!log) return undefined;
    const fresh = events.filter((event) => event.seq > log.last);
    const last = fresh.at(-1);
    return last ? { events: log.events.concat(fresh), last: last.seq } : log;
  });
}

function applyToQuestions(cache: QueryClient, event: LiveEvent): void {
  if (event.kind === "question.asked") {
    const { question_kind, choices, multiple, tool, suggestion, id, text } = event.payload;
    const question: Question = {
      id,
      text,
      kind: question_kind,
      choices: choices ?? [],
      multiple: multiple ?? false,
      tool: tool ?? null,
      suggestion: suggestion ?? null,
      status: "open",
      asked_at: event.at,
      task_name: event.task,
      task_id: event.task_id ?? "",
    };
    cache.setQueryData<Question[]>(
      keys.questions,
      (open) => open && (open.some((other) => other.id === id) ? open : [...open, question]),
    );
  } else if (event.kind === "question.answered" || event.kind === "question.withdrawn") {
    const { id } = event.payload;
    cache.setQueryData<Question[]>(keys.questions, (open) => open?.filter((question) => question.id !== id));
  }
}

function makesEvidenceStale(event: LiveEvent): boolean {
  const { kind } = event;
  return (
    kind === "commit.made" ||
    kind === "tests.ended" ||
    (event.kind === "task.updated" && "criteria" in event.payload.changes) ||
    kind === "turn.ended" ||
    kind === "task.status"
  );
}

function endsPartialText({ kind }: LiveEvent): boolean {
  return kind === "agent.text" || kind === "agent.tool_use" || kind === "turn.ended" || kind === "task.status";
}

/** What a task does now, in a few words; undefined for events that do not tell. */
export function doing(event: LiveEvent): string | undefined {
  switch (event.kind) {
    case "agent.text":
      return firstLine(event.payload.text);
    case "agent.thinking":
      return "Thinking";
    case "agent.tool_use":
      return `${event.payload.name} ${toolSubject(event.payload.input)}`.trim();
    case "question.asked":
      return firstLine(event.payload.text);
    case "tests.started":
      return `Runs tests: ${event.payload.summary}`;
    case "tests.ended":
      return event.payload.text;
    case "workspace.step":
      return event.payload.state === "started" ? `Prepares: ${event.payload.about}` : undefined;
    case "task.status":
      return event.payload.reason ?? "";
    case "agent.retry":
      return `Tries again (${event.payload.attempt} of ${event.payload.max_retries}): ${event.payload.error}`;
    case "commit.made":
      return `Commits: ${event.payload.subject}`;
    default:
      return undefined;
  }
}

/** The part of a tool's input that says most: a command, a path, a pattern. */
export function toolSubject(input: unknown): string {
  if (typeof input !== "object" || input === null) return "";
  const fields = input as Record<string, unknown>;
  for (const name of ["command", "file_path", "path", "pattern", "query", "url", "description", "prompt"]) {
    const value = fields[name];
    if (typeof value === "string" && value !== "") return firstLine(value);
  }
  return "";
}

function firstLine(text: string): string {
  return text.trimStart().split("\n", 1)[0]?.slice(0, 200) ?? "";
}

/** The activity after more events; a beat counts the events of a few seconds. */
export function activity(before: Activity | null, events: LiveEvent[], now: number): Activity {
  const bucket = Math.floor(now / BEAT_MS);
  const passed = before ? Math.min(BEATS, Math.max(0, bucket - before.bucket)) : BEATS;
  const beats = [...(before?.beats ?? []), ...Array<number>(passed).fill(0)].slice(-BEATS);
  beats[BEATS - 1] = (beats[BEATS - 1] ?? 0) + events.length;
  let now_doing = before?.doing ?? "";
  let at = before?.at ?? "";
  for (const event of events) {
    const words = doing(event);
    if (words !== undefined) [now_doing, at] = [words, event.at];
  }
  return { doing: now_doing, at, beats, bucket };
}
