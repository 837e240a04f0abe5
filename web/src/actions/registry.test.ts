import { CircleDashed } from "lucide-react";
import { expect, test } from "vitest";
import { all } from "./all";
import { match, pressed } from "./keys";
import { type Action, Registry } from "./registry";

const action = (id: string, keys: string, more: Partial<Action> = {}): Action => ({
  id,
  keys,
  label: id,
  section: "View",
  icon: CircleDashed,
  perform: () => {},
  ...more,
});

const press = (key: string, held: Partial<Record<"metaKey" | "ctrlKey" | "altKey" | "shiftKey", boolean>> = {}) =>
  pressed({ key, metaKey: false, ctrlKey: false, altKey: false, shiftKey: false, ...held });

test("a key claimed twice is refused", () => {
  expect(() => new Registry([action("a", "c"), action("b", "c")])).toThrow("b claims the key c, and a has c");
});

test("a key that begins a sequence of another is refused", () => {
  expect(() => new Registry([action("a", "g"), action("b", "g b")])).toThrow("b claims");
});

test("the actions of the pages claim no key twice", () => {
  expect(all.actions.length).toBeGreaterThan(10);
});

test("two keys after each other make one action", () => {
  const actions = [action("board", "g b"), action("create", "c")];
  expect(match(actions, "", "g", false)).toEqual({ prefix: "g" });
  expect(match(actions, "g", "b", false).action?.id).toBe("board");
});

test("a second key that fits nothing counts as a first one", () => {
  const actions = [action("board", "g b"), action("create", "c")];
  expect(match(actions, "g", "c", false).action?.id).toBe("create");
});

test("while one types only the keys that say so count", () => {
  const actions = [action("create", "c"), action("send", "mod+enter", { whileTyping: true })];
  expect(match(actions, "", "c", true).action).toBeUndefined();
  expect(match(actions, "", "mod+enter", true).action?.id).toBe("send");
});

test("presses are named as the registry names them", () => {
  expect(press("k", { metaKey: true })).toBe("mod+k");
  expect(press("K", { ctrlKey: true, shiftKey: true })).toBe("mod+shift+k");
  expect(press("?", { shiftKey: true })).toBe("?");
  expect(press("Enter", { metaKey: true })).toBe("mod+enter");
});
