import { useSyncExternalStore } from "react";

/** A remark on a line of the changes, kept in this browser until it is sent. */
export interface Comment {
  id: string;
  path: string;
  line: number;
  side: "deletions" | "additions";
  text: string;
}

const kept = new Map<string, Comment[]>();
const none: Comment[] = [];
const listeners = new Set<() => void>();

function read(task: string): Comment[] {
  const known = kept.get(task);
  if (known) return known;
  let comments = none;
  try {
    comments = JSON.parse(localStorage.getItem(`comments ${task}`) ?? "[]") as Comment[];
  } catch {
    // What cannot be read is as good as none.
  }
  kept.set(task, comments);
  return comments;
}

/** Replaces a task's remarks. */
export function keepComments(task: string, comments: Comment[]): void {
  kept.set(task, comments);
  if (comments.length === 0) localStorage.removeItem(`comments ${task}`);
  else localStorage.setItem(`comments ${task}`, JSON.stringify(comments));
  for (const listener of listeners) listener();
}

export function useComments(task: string): Comment[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => read(task),
  );
}

/** A message with the remarks at its end, as the agent reads them. */
export function withComments(message: string, comments: Comment[]): string {
  if (comments.length === 0) return message;
  const lines = comments.map(({ path, line, side, text }) => {
    const where = side === "deletions" ? `${path}:${line} (before the change)` : `${path}:${line}`;
    return `- ${where}: ${text.replaceAll("\n", "\n  ")}`;
  });
  return [...(message.trim() ? [message.trim(), ""] : []), "Comments on the changes:", ...lines].join("\n");
}
