import type { QueryClient } from "@tanstack/react-query";
import type { LucideIcon } from "lucide-react";
import type { Question, Task } from "../api/types";

/** What an action may look at and use. */
export interface Scene {
  cache: QueryClient;
  /** Goes to an address of the pages. */
  go: (path: string) => void;
  /** The task of the page or under the focus. */
  task: Task | undefined;
  /** The open question of that task, if there is one. */
  question: Question | undefined;
  /** Opens something of the shell. */
  show: (what: "palette" | "shortcuts") => void;
}

/** Something a person can do: the one description for buttons, menus, palette, keyboard and tooltips. */
export interface Action {
  id: string;
  label: string;
  section: "Go" | "Create" | "Task" | "Answer" | "View";
  icon: LucideIcon;
  keywords?: string;
  /** `g b` for two keys after each other, `mod+k` for keys together. */
  keys?: string;
  /** Whether it works while one types. */
  whileTyping?: boolean;
  danger?: boolean;
  /** Left out of the palette: a bare movement of the focus. */
  keyOnly?: boolean;
  available?: (scene: Scene) => boolean;
  perform: (scene: Scene) => void;
}

/** All actions; a key that two of them claim, or that begins another, is refused. */
export class Registry {
  readonly actions: readonly Action[];
  private readonly byId: Map<string, Action>;

  constructor(actions: readonly Action[]) {
    this.actions = actions;
    this.byId = new Map();
    const claimed = new Map<string, string>();
    for (const action of actions) {
      if (this.byId.has(action.id)) throw new Error(`two actions are called ${action.id}`);
      this.byId.set(action.id, action);
      if (action.keys === undefined) continue;
      for (const [keys, owner] of claimed) {
        const clash = keys === action.keys || keys.startsWith(`${action.keys} `) || action.keys.startsWith(`${keys} `);
        if (clash) throw new Error(`${action.id} claims the key ${action.keys}, and ${owner} has ${keys}`);
      }
      claimed.set(action.keys, action.id);
    }
  }

  get(id: string): Action {
    const action = this.byId.get(id);
    if (!action) throw new Error(`no action is called ${id}`);
    return action;
  }

  available(scene: Scene): Action[] {
    return this.actions.filter((action) => action.available?.(scene) ?? true);
  }
}
