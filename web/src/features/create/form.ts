import type { NewTask, Task } from "../../api/types";
import { projectOf } from "../board/columns";

/** What the form holds, as it is typed. */
export interface Form {
  name: string;
  description: string;
  project: string;
  base: string;
  criteria: string;
  mode: "work" | "chat";
  worktree: boolean;
  model: string;
  iterations: string;
  tokens: string;
  cost: string;
  minutes: string;
  reads: string;
}

export const emptyForm: Form = {
  name: "",
  description: "",
  project: "",
  base: "",
  criteria: "",
  mode: "work",
  worktree: true,
  model: "",
  iterations: "",
  tokens: "",
  cost: "",
  minutes: "",
  reads: "",
};

/** A name from the first words of a description. */
export function nameFrom(description: string): string {
  const line = description.trim().split("\n", 1)[0] ?? "";
  const clean = line
    .replace(/[/\\\p{Cc}]/gu, " ")
    .replace(/^[-#*\s.]+/, "")
    .replace(/\s+/g, " ")
    .trim();
  if (clean.length <= 60) return clean.replace(/[.:]$/, "");
  return clean.slice(0, 60).replace(/\s+\S*$/, "");
}

/** Projects that tasks had, the most recent first. */
export function recentProjects(tasks: Task[]): string[] {
  const byTime = [...tasks].sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
  return [...new Set(byTime.map(projectOf).filter(Boolean))];
}

/** One description a line; bullets and numbers before it are no part of it. */
export function readMany(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.replace(/^\s*(?:(?:[-*•]|\d+[.)]|\[[ x]?\])\s*)+/, "").trim())
    .filter((line) => line !== "");
}

const number = (text: string): number | undefined => (text.trim() === "" ? undefined : Number(text));

/** The form as the server takes it. */
export function toTask(form: Form, start: boolean): Partial<NewTask> & { task_name: string; description: string } {
  const paths = [form.project.trim(), ...form.reads.split("\n").map((line) => line.trim())].filter(Boolean);
  const [tokens, cost, minutes] = [number(form.tokens), number(form.cost), number(form.minutes)];
  const iterations = number(form.iterations);
  return {
    task_name: form.name.trim() || nameFrom(form.description),
    description: form.description,
    auto_start: start,
    chat_mode: form.mode === "chat",
    use_worktree: form.worktree,
    ...(paths.length === 1 ? { root_folder: paths[0] as string } : {}),
    ...(paths.length > 1
      ? {
          projects: paths.map((path, index) => ({
            path,
            access: index === 0 ? ("write" as const) : ("read" as const),
          })),
        }
      : {}),
    ...(form.base.trim() ? { base_branch: form.base.trim() } : {}),
    ...(form.criteria.trim() ? { end_criteria: form.criteria.trim() } : {}),
    ...(form.model.trim() ? { model: form.model.trim() } : {}),
    ...(iterations !== undefined ? { max_iterations: iterations } : {}),
    ...(tokens !== undefined ? { max_tokens: tokens } : {}),
    ...(cost !== undefined ? { max_cost_usd: cost } : {}),
    ...(minutes !== undefined ? { max_duration_seconds: minutes * 60 } : {}),
  };
}
