import { expect, test } from "vitest";
import type { Task } from "../../api/types";
import { columnOf, inOrder, wanted } from "./columns";
import { readBoardSearch } from "./search";

const task = (fields: Partial<Task>): Task =>
  ({
    task_name: "Fix it",
    description: "Mend the parser",
    status: "RUNNING",
    projects: [{ path: "/srv/parser" }],
    labels: [],
    waiting_for_input: false,
    updated_at: "2026-01-01T00:00:00Z",
    ...fields,
  }) as Task;

test("a running task with an open question needs you", () => {
  expect(columnOf(task({}), true)).toBe("Needs you");
  expect(columnOf(task({}), false)).toBe("Running");
});

test("a chat that waits needs you, a pause until a time does not", () => {
  expect(columnOf(task({ waiting_for_input: true }), false)).toBe("Needs you");
  expect(columnOf(task({ status: "PAUSED", paused_until: "2026-01-01T01:00:00Z" }), false)).toBe("Running");
  expect(columnOf(task({ status: "PAUSED" }), false)).toBe("Needs you");
});

test("what has ended never needs you", () => {
  expect(columnOf(task({ status: "FAILED", waiting_for_input: true }), true)).toBe("Failed");
  expect(columnOf(task({ status: "STOPPED" }), true)).toBe("To do");
});

test("every word of the search must be somewhere", () => {
  expect(wanted(task({}), { q: "parser fix" }, false)).toBe(true);
  expect(wanted(task({}), { q: "parser lexer" }, false)).toBe(false);
  expect(wanted(task({}), { project: "/srv/other" }, false)).toBe(false);
});

test("queued tasks stand in the order of the queue, before the others", () => {
  const [first, second, other] = [task({ queue_position: 1 }), task({ queue_position: 2 }), task({})];
  expect([other, second, first].sort(inOrder)).toEqual([first, second, other]);
});

test("an address that makes no sense shows the whole board", () => {
  expect(readBoardSearch({ view: "cube", status: "Lost", q: "" })).toEqual({});
  expect(readBoardSearch({ view: "list", status: "Done", q: 12 })).toEqual({ view: "list", status: "Done", q: "12" });
});
