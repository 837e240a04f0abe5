import type { Action } from "./registry";

/** How long the first key of two is remembered. */
export const SEQUENCE_MS = 1_200;

interface Pressed {
  key: string;
  metaKey: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

/** A key press in the registry's words: `mod+k`, `shift+enter`, `?`. */
export function pressed(event: Pressed): string {
  const key = event.key === " " ? "space" : event.key.toLowerCase();
  const parts = [];
  if (event.metaKey || event.ctrlKey) parts.push("mod");
  if (event.altKey) parts.push("alt");
  // With a sign such as `?` the shift key only makes the sign.
  if (event.shiftKey && (key.length > 1 || /[a-z]/.test(key))) parts.push("shift");
  return [...parts, key].join("+");
}

export interface Match {
  action?: Action;
  /** What to remember for the next key. */
  prefix: string;
}

/** Which of the actions a press stands for, after what was pressed before. */
export function match(actions: readonly Action[], prefix: string, press: string, typing: boolean): Match {
  const usable = actions.filter((action) => !typing || action.whileTyping);
  const whole = prefix === "" ? press : `${prefix} ${press}`;
  const action = usable.find((candidate) => candidate.keys === whole);
  if (action) return { action, prefix: "" };
  if (usable.some((candidate) => candidate.keys?.startsWith(`${whole} `))) return { prefix: whole };
  return prefix === "" ? { prefix: "" } : match(actions, "", press, typing);
}
