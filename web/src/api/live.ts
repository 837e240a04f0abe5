import type { QueryClient } from "@tanstack/react-query";
import { apply, applyPartial } from "./apply";
import { keys } from "./queries";
import type { LiveEvent } from "./types";

/** Whether the page hears what happens. */
export type Connection = "connecting" | "open" | "lost";

interface Message {
  type?: string;
  id?: string | null;
  kind?: string;
  seq?: number;
  task?: string;
  payload?: { text?: string };
}

/** How the subscription of everything is called. */
const ALL = "all";

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;

/**
 * The page's connection to what happens: one WebSocket for all tasks, which comes back at its cursor when it is lost.
 *
 * Events are gathered and written once a frame, so that a flood of them costs one rendering and never the keyboard.
 */
export class Live {
  private readonly cache: QueryClient;
  private socket: WebSocket | undefined;
  private cursor: number | undefined;
  private delay = FIRST_DELAY_MS;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly watched = new Map<string, number>();
  private pending: LiveEvent[] = [];
  private partials = new Map<string, string>();
  private flushing = false;
  private stopped = false;
  private connection: Connection = "connecting";
  private readonly listeners = new Set<() => void>();

  constructor(cache: QueryClient) {
    this.cache = cache;
  }

  start(): void {
    this.stopped = false;
    this.connect();
    addEventListener("online", this.hurry);
    document.addEventListener("visibilitychange", this.hurry);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.hurry);
    this.socket?.close();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly state = (): Connection => this.connection;

  /** Asks for text that a task's agent is writing, until the answer is called. */
  watch(name: string): () => void {
    const count = this.watched.get(name) ?? 0;
    this.watched.set(name, count + 1);
    if (count === 0) this.askForPartials(name);
    return () => {
      const left = (this.watched.get(name) ?? 1) - 1;
      if (left > 0) this.watched.set(name, left);
      else {
        this.watched.delete(name);
        this.send({ type: "unsubscribe", tasks: [name] });
      }
    };
  }

  private readonly hurry = (): void => {
    if (document.visibilityState === "visible" && this.connection === "lost") {
      clearTimeout(this.retry);
      this.connect();
    }
  };

  private connect(): void {
    if (this.stopped) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/ws`);
    this.socket = socket;
    socket.onopen = () => {
      const first = this.cursor === undefined;
      this.delay = FIRST_DELAY_MS;
      this.send({ type: "subscribe", id: ALL, tasks: "*", ...(first ? {} : { after: this.cursor }) });
      for (const name of this.watched.keys()) this.askForPartials(name);
    };
    socket.onmessage = (message) => this.hear(JSON.parse(String(message.data)) as Message);
    socket.onclose = () => {
      if (this.socket !== socket || this.stopped) return;
      this.turn("lost");
      this.retry = setTimeout(() => this.connect(), this.delay * (0.75 + Math.random() / 2));
      this.delay = Math.min(this.delay * 2, LONGEST_DELAY_MS);
    };
  }

  private hear(message: Message): void {
    if (message.type === "ok") {
      if (message.id !== ALL || this.connection === "open") return;
      // What was read before the first subscription may be older than it.
      if (this.cursor === undefined) void this.cache.invalidateQueries();
      this.turn("open");
    } else if (message.type === "reload") {
      this.cursor = undefined;
      this.cache.removeQueries({ queryKey: ["log"], type: "inactive" });
      void this.cache.invalidateQueries();
    } else if (message.type === "error") {
      // The cursor belongs to another log: begin anew. A task that is gone has no text to watch.
      if (message.id !== ALL) return;
      this.cursor = undefined;
      this.socket?.close();
    } else if (message.kind === "partial") {
      const name = message.task ?? "";
      this.partials.set(name, (this.partials.get(name) ?? "") + (message.payload?.text ?? ""));
      this.flushSoon();
    } else if (message.seq !== undefined && message.kind !== undefined) {
      if (this.cursor !== undefined && message.seq <= this.cursor) return;
      this.cursor = message.seq;
      // Text that was being written before this event belongs before it.
      const name = message.task ?? "";
      if (message.kind === "agent.text") this.partials.delete(name);
      this.pending.push(message as unknown as LiveEvent);
      this.flushSoon();
    }
  }

  private flushSoon(): void {
    if (this.flushing) return;
    this.flushing = true;
    const flush = () => {
      this.flushing = false;
      const events = this.pending;
      const partials = this.partials;
      this.pending = [];
      this.partials = new Map();
      if (events.length > 0) apply(this.cache, events);
      for (const [name, text] of partials) applyPartial(this.cache, name, text);
    };
    // A hidden page has no frames, and its title still counts what waits.
    if (document.visibilityState === "visible") requestAnimationFrame(flush);
    else setTimeout(flush, 200);
  }

  private askForPartials(name: string): void {
    this.cache.setQueryData(keys.partial(name), "");
    this.send({ type: "subscribe", id: `partial ${name}`, tasks: [name], partial: true });
  }

  private send(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private turn(connection: Connection): void {
    if (this.connection === connection) return;
    this.connection = connection;
    for (const listener of this.listeners) listener();
  }
}
