import type { LiveEvent } from "../../api/types";

type Payload<K extends LiveEvent["kind"]> = Extract<LiveEvent, { kind: K }>["payload"];

interface Base {
  key: number;
  at: string;
}

/** What stands in a conversation. */
export type Entry =
  | (Base & { type: "message"; by: string; text: string; turn: number })
  | (Base & { type: "text"; text: string; nested: boolean })
  | (Base & { type: "thinking"; text: string })
  | (Base & ToolEntry)
  | (Base & { type: "decision"; decision: Payload<"decision.made"> })
  | (Base & QuestionEntry)
  | (Base & { type: "turn"; turn: Payload<"turn.ended"> })
  | (Base & { type: "note"; tone: "plain" | "good" | "bad"; text: string; detail?: string });

export interface ToolEntry {
  type: "tool";
  id: string;
  name: string;
  input: unknown;
  nested: boolean;
  result?: string;
  isError?: boolean;
  endedAt?: string;
}

export interface QuestionEntry {
  type: "question";
  question: Payload<"question.asked">;
  answered?: Payload<"question.answered">;
  withdrawn?: string;
}

/** A line of the agent's own list of things to do. */
export interface Todo {
  text: string;
  state: "pending" | "in_progress" | "completed";
}

/** A conversation as the events of a task make it; events may be added again and count once. */
export class Talk {
  private list: Entry[] = [];
  private last = 0;
  private readonly tools = new Map<string, number>();
  private readonly questions = new Map<string, number>();
  private todoList: Todo[] = [];

  get entries(): readonly Entry[] {
    return this.list;
  }

  get todos(): readonly Todo[] {
    return this.todoList;
  }

  /** What people sent, oldest first. */
  get sent(): string[] {
    return this.list.flatMap((entry) => (entry.type === "message" && entry.by === "user" ? [entry.text] : []));
  }

  /** Adds what is new among the events. */
  add(events: readonly LiveEvent[]): void {
    const from = events.findIndex((event) => event.seq > this.last);
    if (from < 0) return;
    this.list = [...this.list];
    for (const event of from === 0 ? events : events.slice(from)) {
      this.last = event.seq;
      this.take(event);
    }
  }

  private take(event: LiveEvent): void {
    const base = { key: event.seq, at: event.at };
    switch (event.kind) {
      case "turn.started": {
        const { by, text, turn } = event.payload;
        this.list.push({ ...base, type: "message", by, text, turn });
        break;
      }
      case "agent.text":
        this.list.push({ ...base, type: "text", text: event.payload.text, nested: event.payload.parent != null });
        break;
      case "agent.thinking":
        this.list.push({ ...base, type: "thinking", text: event.payload.text });
        break;
      case "agent.tool_use": {
        const { id, name, input, parent } = event.payload;
        if (name === "TodoWrite") this.todoList = readTodos(input);
        this.tools.set(id, this.list.length);
        this.list.push({ ...base, type: "tool", id, name, input, nested: parent != null });
        break;
      }
      case "agent.tool_result": {
        const index = this.tools.get(event.payload.id);
        const entry = index === undefined ? undefined : this.list[index];
        if (index === undefined || entry?.type !== "tool") break;
        const { content, is_error } = event.payload;
        this.list[index] = { ...entry, result: content, isError: is_error, endedAt: event.at };
        break;
      }
      case "question.asked":
        this.questions.set(event.payload.id, this.list.length);
        this.list.push({ ...base, type: "question", question: event.payload });
        break;
      case "question.answered":
        this.change(event.payload.id, (entry) => ({ ...entry, answered: event.payload }));
        break;
      case "question.withdrawn":
        this.change(event.payload.id, (entry) => ({ ...entry, withdrawn: event.payload.reason }));
        break;
      case "decision.made":
        if (event.payload.counted || event.payload.error != null)
          this.list.push({ ...base, type: "decision", decision: event.payload });
        break;
      case "turn.ended":
        this.list.push({ ...base, type: "turn", turn: event.payload });
        break;
      default: {
        const note = noteOf(event);
        if (note) this.list.push({ ...base, type: "note", ...note });
      }
    }
  }

  private change(id: string, to: (entry: Base & QuestionEntry) => Base & QuestionEntry): void {
    const index = this.questions.get(id);
    const entry = index === undefined ? undefined : this.list[index];
    if (index !== undefined && entry?.type === "question") this.list[index] = to(entry);
  }
}

interface Note {
  tone: "plain" | "good" | "bad";
  text: string;
  detail?: string;
}

function noteOf(event: LiveEvent): Note | undefined {
  switch (event.kind) {
    case "task.status": {
      const { status, reason } = event.payload;
      const tone = status === "FAILED" || status === "EXHAUSTED" ? "bad" : isGood(status) ? "good" : "plain";
      return { tone, text: `${status}${reason ? `: ${reason}` : ""}` };
    }
    case "agent.retry": {
      const { attempt, max_retries, error } = event.payload;
      return { tone: "bad", text: `The model could not be reached (${error}); try ${attempt} of ${max_retries}` };
    }
    case "agent.limited":
      return { tone: "bad", text: event.payload.text };
    case "task.updated":
      return changed(event.payload.changes);
    case "workspace.step": {
      const { state, step, about, output } = event.payload;
      if (state === "started") return undefined;
      const text = state === "done" ? `${step}: ${about}` : `${step} failed: ${about}`;
      return { tone: state === "done" ? "plain" : "bad", text, ...(output ? { detail: output } : {}) };
    }
    case "workspace.ready":
      return { tone: "plain", text: `Works in ${event.payload.branch ?? event.payload.path}` };
    case "tests.started":
      return {
        tone: "plain",
        text: `Tests, round ${event.payload.round}: ${event.payload.summary}`,
        detail: event.payload.commands.join("\n"),
      };
    case "tests.ended":
      return { tone: event.payload.passed ? "good" : "bad", text: event.payload.text };
    case "commit.made":
      return { tone: "good", text: `Commit ${event.payload.commit.slice(0, 8)}: ${event.payload.subject}` };
    default:
      return undefined;
  }
}

const isGood = (status: string): boolean => status === "FINISHED" || status === "COMPLETED";

function changed(changes: Record<string, unknown>): Note | undefined {
  const criteria = changes.criteria as { met?: boolean; findings?: unknown } | undefined;
  if (criteria) {
    const text = criteria.met ? "The criteria are met" : "The criteria are not met yet";
    return { tone: criteria.met ? "good" : "plain", text, detail: findings(criteria.findings) };
  }
  const process = changes.agent_process as { code?: number | null; text?: string | null } | undefined;
  return process?.code && process.text ? { tone: "bad", text: process.text } : undefined;
}

function findings(value: unknown): string {
  if (!Array.isArray(value)) return "";
  return (value as { text?: string; verdict?: string; evidence?: string }[])
    .map(({ text = "", verdict = "", evidence = "" }) => `${verdict}: ${text}\n  ${evidence}`)
    .join("\n");
}

function readTodos(input: unknown): Todo[] {
  const todos = (input as { todos?: unknown } | null)?.todos;
  if (!Array.isArray(todos)) return [];
  return (todos as { content?: unknown; status?: unknown }[]).flatMap(({ content, status }) => {
    if (typeof content !== "string") return [];
    const state = status === "completed" || status === "in_progress" ? status : "pending";
    return [{ text: content, state }];
  });
}

/** What a question was answered with, in words. */
export function answerText(answered: Payload<"question.answered">): string {
  const { answer } = answered;
  if ("behavior" in answer) {
    const word = answer.behavior === "allow" ? "Allowed" : "Denied";
    const { remembered } = answered;
    const kept = remembered
      ? `; from now on also ${remembered.tool}${remembered.prefix ? ` ${remembered.prefix}` : ""}`
      : "";
    return `${word}${answer.message ? `: ${answer.message}` : ""}${kept}`;
  }
  return "answers" in answer ? answer.answers.join(", ") : answer.text;
}
