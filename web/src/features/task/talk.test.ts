import { expect, test } from "vitest";
import type { LiveEvent } from "../../api/types";
import { answerText, Talk } from "./talk";

const event = (seq: number, kind: string, payload: object): LiveEvent =>
  ({ seq, kind, payload, task: "t", task_id: "1", at: "2026-01-01T00:00:00Z" }) as unknown as LiveEvent;

test("a tool's result stands with its call", () => {
  const talk = new Talk();
  talk.add([
    event(1, "agent.tool_use", { id: "a", name: "Bash", input: { command: "ls" } }),
    event(2, "agent.text", { text: "hello" }),
    event(3, "agent.tool_result", { id: "a", content: "src", is_error: false }),
  ]);
  expect(talk.entries).toHaveLength(2);
  expect(talk.entries[0]).toMatchObject({ type: "tool", result: "src", isError: false });
});

test("an event that is added again counts once", () => {
  const talk = new Talk();
  const events = [event(1, "agent.text", { text: "one" }), event(2, "agent.text", { text: "two" })];
  talk.add(events);
  talk.add(events);
  talk.add([...events, event(3, "agent.text", { text: "three" })]);
  expect(talk.entries.map((entry) => entry.key)).toEqual([1, 2, 3]);
});

test("entries that did not change stay the same objects", () => {
  const talk = new Talk();
  talk.add([event(1, "agent.text", { text: "one" })]);
  const [first] = talk.entries;
  talk.add([event(2, "agent.text", { text: "two" })]);
  expect(talk.entries[0]).toBe(first);
});

test("a question stands with its answer", () => {
  const talk = new Talk();
  talk.add([
    event(1, "question.asked", { id: "q", question_kind: "choice", text: "Which?" }),
    event(2, "question.answered", {
      id: "q",
      answer: { answers: ["A", "B"] },
      answered_by: { kind: "user", name: "ada" },
    }),
  ]);
  const [entry] = talk.entries;
  expect(entry?.type === "question" && entry.answered && answerText(entry.answered)).toBe("A, B");
});

test("the agent's list is the last that it wrote", () => {
  const talk = new Talk();
  const todos = (status: string) => ({ todos: [{ content: "Look", status }] });
  talk.add([
    event(1, "agent.tool_use", { id: "a", name: "TodoWrite", input: todos("pending") }),
    event(2, "agent.tool_use", { id: "b", name: "TodoWrite", input: todos("completed") }),
  ]);
  expect(talk.todos).toEqual([{ text: "Look", state: "completed" }]);
});
