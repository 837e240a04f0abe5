import { expect, test } from "vitest";
import { emptyForm, nameFrom, readMany, toTask } from "./form";

test("a name is the first line without what a name may not have", () => {
  expect(nameFrom("## Fix src/parser.rs: it fails\nMore")).toBe("Fix src parser.rs: it fails");
  expect(nameFrom("Add subtraction.")).toBe("Add subtraction");
});

test("a long name ends at a word", () => {
  const name = nameFrom(`${"word ".repeat(30)}`);
  expect(name.length).toBeLessThanOrEqual(60);
  expect(name.endsWith("word")).toBe(true);
});

test("a pasted list gives one task a line", () => {
  expect(readMany("- [ ] one\n2. two\n\n  * three")).toEqual(["one", "two", "three"]);
});

test("only what was typed is sent", () => {
  const sent = toTask({ ...emptyForm, description: "Do it", project: "/srv/a" }, true);
  expect(sent).toEqual({
    task_name: "Do it",
    description: "Do it",
    auto_start: true,
    chat_mode: false,
    use_worktree: true,
    root_folder: "/srv/a",
  });
});

test("further folders are for reading", () => {
  const sent = toTask({ ...emptyForm, description: "Do it", project: "/srv/a", reads: "/srv/b\n" }, false);
  expect(sent.projects).toEqual([
    { path: "/srv/a", access: "write" },
    { path: "/srv/b", access: "read" },
  ]);
});
