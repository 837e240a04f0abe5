import type { QueryClient } from "@tanstack/react-query";
import { ask, client } from "../api/client";
import { keys } from "../api/queries";
import type { GiveAnswer, Question, Status, Task } from "../api/types";
import { telling } from "../parts/Toast";

const at = (name: string) => ({ params: { path: { name } } });
const finals: Status[] = ["COMPLETED", "FINISHED", "FAILED", "EXHAUSTED"];

export const isFinal = (status: Status): boolean => finals.includes(status);
export const canStart = (task: Task): boolean => task.status === "PENDING" && task.queue_position == null;
export const canResume = (task: Task): boolean => task.status === "STOPPED" || task.status === "PAUSED";
export const canStop = (task: Task): boolean =>
  ["RUNNING", "TESTING", "PAUSED"].includes(task.status) || (task.status === "PENDING" && task.queue_position != null);
export const canInterrupt = (task: Task): boolean => task.status === "RUNNING" && !task.waiting_for_input;
export const canRetry = (task: Task): boolean => isFinal(task.status);

const message = (result: { message: string }): string => result.message;

export const start = (task: Task) =>
  telling(ask(client.POST("/api/v1/tasks/by-name/{name}/start", at(task.task_name))));
export const resume = (task: Task) =>
  telling(ask(client.POST("/api/v1/tasks/by-name/{name}/resume", at(task.task_name))));
export const stop = (task: Task) =>
  telling(ask(client.POST("/api/v1/tasks/by-name/{name}/stop", at(task.task_name))), message);
export const interrupt = (task: Task) =>
  telling(ask(client.POST("/api/v1/tasks/by-name/{name}/interrupt", at(task.task_name))));
export const complete = (task: Task) =>
  telling(ask(client.POST("/api/v1/tasks/by-name/{name}/complete", at(task.task_name))), message);
export const retry = (task: Task) =>
  telling(ask(client.POST("/api/v1/tasks/by-name/{name}/retry", at(task.task_name))), message);
export const recover = (task: Task) =>
  telling(ask(client.POST("/api/v1/tasks/by-name/{name}/recover", at(task.task_name))), message);
export const restart = (task: Task) =>
  telling(ask(client.POST("/api/v1/tasks/by-name/{name}/clear-and-restart", at(task.task_name))), message);

/** A new attempt of the same task under the next free name. */
export async function attempt(cache: QueryClient, task: Task): Promise<string | undefined> {
  const names = new Set((cache.getQueryData<Task[]>(keys.tasks) ?? []).map((other) => other.task_name));
  const name = nextName(task.task_name, names);
  const params = { path: { name: task.task_name }, query: { new_name: name } };
  const made = await telling(ask(client.POST("/api/v1/tasks/by-name/{name}/clone", { params })), message);
  return made?.new_task;
}

/** `Name (2)`, `Name (3)` and so on, whichever is free. */
export function nextName(name: string, taken: ReadonlySet<string>): string {
  const stem = name.replace(/ \(\d+\)$/, "").slice(0, 190);
  for (let number = 2; ; number++) {
    const candidate = `${stem} (${number})`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** Deletes a task; `confirm` says that work not merged may go. */
export function remove(task: Task, options: { deleteBranch: boolean; confirm: boolean }) {
  const query = { auto_stop: true, delete_branch: options.deleteBranch, confirm: options.confirm };
  const params = { path: { name: task.task_name }, query };
  return telling(ask(client.DELETE("/api/v1/tasks/by-name/{name}", { params })), message);
}

/** Answers a question; it leaves the inbox at once and comes back if the server refuses. */
export async function answer(cache: QueryClient, question: Question, body: GiveAnswer): Promise<boolean> {
  const open = () => cache.getQueryData<Question[]>(keys.questions);
  cache.setQueryData<Question[]>(keys.questions, (before) => before?.filter((other) => other.id !== question.id));
  const path = { id: question.id };
  const done = await telling(
    ask(client.POST("/api/v1/questions/{id}/answer", { params: { path }, body: body as Required<GiveAnswer> })),
  );
  if (!done && open()) void cache.invalidateQueries({ queryKey: keys.questions });
  return done !== undefined;
}
