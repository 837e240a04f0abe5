import type { components } from "./schema";

type Schemas = components["schemas"];

export type Task = Schemas["TaskFields"];
export type TaskStatus = Schemas["TaskStatus"];
export type Status = Schemas["Status"];
export type Question = Schemas["Question"];
export type Answer = Schemas["Answer"];
export type GiveAnswer = Partial<Schemas["GiveAnswer"]>;
export type Input = Schemas["Input"];
export type NewImage = Schemas["NewImage"];
export type NewTask = Schemas["NewTask"];
export type TaskChanges = Schemas["TaskChanges"];
export type Evidence = Schemas["Evidence"];
export type Diff = Schemas["Diff"];
export type FileChange = Schemas["FileChange"];
export type Worktrees = Schemas["Worktrees"];
export type Problem = Schemas["Problem"];
export type TestRound = Schemas["TestRound"];
export type TokenCount = Required<Schemas["TokenCount"]>;
export type Choice = Schemas["Choice"];

/** Payloads by the kind of event, as the log has them. Kinds that the pages do nothing with are not here. */
interface Payloads {
  "task.created": { description: string; status: Status; cloned_from?: string | null };
  "task.status": {
    status: Status;
    previous: Status;
    reason?: string | null;
    by?: string | null;
    paused_until?: string | null;
  };
  "task.updated": { changes: Record<string, unknown> };
  "task.deleted": { by?: string | null };
  "turn.started": { turn: number; by: string; text: string; inputs?: string[] };
  "turn.ended": {
    turn: number;
    outcome: string;
    text: string;
    tokens: TokenCount;
    cost_usd: number;
    duration_ms: number;
    spent: { iterations: number; tokens: TokenCount; cost_usd: number; running_seconds: number };
  };
  "agent.text": { text: string; parent?: string | null };
  "agent.thinking": { text: string; parent?: string | null };
  "agent.tool_use": { id: string; name: string; input: unknown; parent?: string | null };
  "agent.tool_result": { id: string; content: string; is_error: boolean };
  "agent.other": { line_type: string; raw: unknown };
  "agent.retry": { attempt: number; max_retries: number; delay_ms: number; status?: number | null; error: string };
  "agent.limited": { text: string; until?: string | null };
  "question.asked": {
    id: string;
    question_kind: Schemas["QuestionKind"];
    text: string;
    choices?: Choice[];
    multiple?: boolean;
    tool?: Schemas["ToolRequest"] | null;
    suggestion?: Schemas["Suggestion"] | null;
  };
  "question.answered": {
    id: string;
    answer: Answer;
    answered_by: Schemas["AnsweredBy"];
    remembered?: Schemas["RememberedRule"] | null;
  };
  "question.withdrawn": { id: string; reason: string };
  "decision.made": {
    id: string;
    chain: Schemas["ChainKind"];
    call: string;
    plugin: string;
    version: string;
    answer?: unknown;
    reason?: string | null;
    error?: string | null;
    counted: boolean;
    duration_us: number;
  };
  "input.queued": { id: string; text: string; images: number; priority: Schemas["Priority"]; user_id?: string | null };
  "input.removed": { id: string };
  "input.delivered": { id: string; turn?: number | null };
  "workspace.ready": { path: string; branch?: string | null; base?: string | null; in_place: boolean };
  "workspace.step": { step: string; state: Schemas["StepState"]; about: string; output?: string | null };
  "tests.started": { round: number; runner: string; summary: string; commands: string[] };
  "tests.case": { round: number; name: string; status: Schemas["TestStatus"] };
  "tests.ended": { round: number; passed: boolean; summary: Schemas["TestSummary"]; text: string };
  "commit.made": { branch: string; commit: string; subject: string; files: number };
}

export type Kind = keyof Payloads;

/** An event of the log. */
export type LiveEvent = {
  [K in Kind]: { seq: number; task: string; task_id: string | null; at: string; kind: K; payload: Payloads[K] };
}[Kind];
