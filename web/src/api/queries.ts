import { queryOptions } from "@tanstack/react-query";
import { ask, askWithResponse, client } from "./client";
import type { Diff, LiveEvent, Task } from "./types";

/** What the log of a task holds so far. */
export interface Log {
  events: LiveEvent[];
  last: number;
}

/** What is known of a task beyond its fields: what it does now, and how busy it was. */
export interface Activity {
  doing: string;
  at: string;
  /** Events in each of the last buckets of time, newest last. */
  beats: number[];
  bucket: number;
}

/** Every key of the cache, in one place. */
export const keys = {
  tasks: ["tasks"] as const,
  task: (name: string) => ["task", name] as const,
  taskStatus: (name: string) => ["task-status", name] as const,
  log: (name: string) => ["log", name] as const,
  partial: (name: string) => ["partial", name] as const,
  activity: (name: string) => ["activity", name] as const,
  questions: ["questions"] as const,
  inputs: (name: string) => ["inputs", name] as const,
  evidence: (name: string) => ["evidence", name] as const,
  diff: (name: string) => ["diff", name] as const,
  worktree: (name: string) => ["worktree", name] as const,
};

const PAGE = 500;

async function allTasks(signal: AbortSignal): Promise<Task[]> {
  const tasks: Task[] = [];
  for (;;) {
    const query = { limit: PAGE, offset: tasks.length };
    const page = await ask(client.GET("/api/v1/tasks", { params: { query }, signal }));
    tasks.push(...page);
    if (page.length < PAGE) return tasks;
  }
}

export const tasksQuery = queryOptions({ queryKey: keys.tasks, queryFn: ({ signal }) => allTasks(signal) });

export const taskQuery = (name: string) =>
  queryOptions({
    queryKey: keys.task(name),
    queryFn: ({ signal }): Promise<Task> =>
      ask(client.GET("/api/v1/tasks/by-name/{name}", { params: { path: { name } }, signal })),
  });

export const taskStatusQuery = (name: string) =>
  queryOptions({
    queryKey: keys.taskStatus(name),
    queryFn: ({ signal }) =>
      ask(client.GET("/api/v1/tasks/by-name/{name}/status", { params: { path: { name } }, signal })),
  });

/** The events of a task, from the first one on. Later ones are added as they happen. */
export async function readLog(name: string, after: number, signal?: AbortSignal): Promise<Log> {
  const events: LiveEvent[] = [];
  let last = after;
  for (;;) {
    const params = { path: { name }, query: { after: last, limit: PAGE } };
    const { data } = await askWithResponse(
      client.GET("/api/v1/tasks/by-name/{name}/events", { params, ...(signal ? { signal } : {}) }),
    );
    const page = data as unknown as LiveEvent[];
    events.push(...page);
    last = page.at(-1)?.seq ?? last;
    if (page.length < PAGE) return { events, last };
  }
}

export const logQuery = (name: string) =>
  queryOptions({
    queryKey: keys.log(name),
    queryFn: ({ signal }) => readLog(name, 0, signal),
    structuralSharing: false,
  });

/** Text that the agent is writing just now; only the live connection writes it. */
export const partialQuery = (name: string) =>
  queryOptions({ queryKey: keys.partial(name), queryFn: () => "", initialData: "", enabled: false });

/** Only the live connection writes it. */
export const activityQuery = (name: string) =>
  queryOptions<Activity | null>({
    queryKey: keys.activity(name),
    queryFn: () => null,
    initialData: null,
    enabled: false,
    gcTime: Number.POSITIVE_INFINITY,
  });

export const questionsQuery = queryOptions({
  queryKey: keys.questions,
  queryFn: ({ signal }) =>
    ask(client.GET("/api/v1/questions", { params: { query: { status: "open", limit: PAGE } }, signal })),
});

export const inputsQuery = (name: string) =>
  queryOptions({
    queryKey: keys.inputs(name),
    queryFn: ({ signal }) =>
      ask(
        client.GET("/api/v1/tasks/by-name/{name}/inputs", {
          params: { path: { name }, query: { status: "waiting" } },
          signal,
        }),
      ),
  });

export const evidenceQuery = (name: string) =>
  queryOptions({
    queryKey: keys.evidence(name),
    queryFn: ({ signal }) =>
      ask(client.GET("/api/v1/tasks/by-name/{name}/evidence", { params: { path: { name } }, signal })),
  });

export const diffQuery = (name: string) =>
  queryOptions({
    queryKey: keys.diff(name),
    queryFn: async ({ signal }) =>
      (await ask(client.GET("/api/v1/tasks/by-name/{name}/diff", { params: { path: { name } }, signal }))) as Diff,
  });

export const worktreeQuery = (name: string) =>
  queryOptions({
    queryKey: keys.worktree(name),
    queryFn: ({ signal }) =>
      ask(client.GET("/api/v1/tasks/by-name/{name}/worktree", { params: { path: { name } }, signal })),
  });
