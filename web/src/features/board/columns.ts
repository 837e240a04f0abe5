import { isFinal } from "../../actions/tasks";
import type { Task } from "../../api/types";
import { lastOf } from "../../parts/format";
import type { BoardSearch } from "./search";

export const columns = ["To do", "Running", "Needs you", "Testing", "Done", "Failed"] as const;
export type Column = (typeof columns)[number];

/** Whether a task waits for a person; `asked`: it has an open question. */
export function needsYou(task: Task, asked: boolean): boolean {
  if (isFinal(task.status) || task.status === "STOPPED" || task.status === "PENDING") return false;
  return asked || task.waiting_for_input || (task.status === "PAUSED" && task.paused_until == null);
}

/** Where a task stands on the board. */
export function columnOf(task: Task, asked: boolean): Column {
  if (needsYou(task, asked)) return "Needs you";
  switch (task.status) {
    case "PENDING":
    case "STOPPED":
      return "To do";
    case "RUNNING":
    case "PAUSED":
      return "Running";
    case "TESTING":
      return "Testing";
    case "COMPLETED":
    case "FINISHED":
      return "Done";
    case "FAILED":
    case "EXHAUSTED":
      return "Failed";
  }
}

/** The folder a task works in: what tells its project. */
export const projectOf = (task: Task): string => task.projects[0]?.path ?? task.root_folder ?? "";

/** A project in a word. */
export const projectName = (path: string): string => lastOf(path) || "No project";

/** Whether a task is wanted by what the address says. */
export function wanted(task: Task, search: BoardSearch, asked: boolean): boolean {
  if (search.project && projectOf(task) !== search.project) return false;
  if (search.user && task.user_id !== search.user) return false;
  if (search.status && columnOf(task, asked) !== search.status) return false;
  if (!search.q) return true;
  const text = `${task.task_name} ${task.branch_name ?? ""} ${task.description} ${task.labels.join(" ")}`.toLowerCase();
  return search.q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** The newest first; what is queued in the order of the queue. */
export function inOrder(a: Task, b: Task): number {
  if (a.queue_position != null && b.queue_position != null) return a.queue_position - b.queue_position;
  if (a.queue_position != null || b.queue_position != null) return a.queue_position != null ? -1 : 1;
  return a.updated_at < b.updated_at ? 1 : a.updated_at > b.updated_at ? -1 : 0;
}

/** What a finished task, or one that has not begun, has to say for itself. */
export const summaryOf = (task: Task): string => task.error_message ?? task.summary ?? task.description;
