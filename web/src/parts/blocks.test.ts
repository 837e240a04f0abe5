import { expect, test } from "vitest";
import { blocks } from "./blocks";

test("paragraphs are blocks", () => {
  expect(blocks("one\n\ntwo\n\nthree")).toEqual(["one\n", "two\n", "three"]);
});

test("a code block with blank lines stays whole", () => {
  expect(blocks("```js\na\n\nb\n```\n\nafter")).toEqual(["```js\na\n\nb\n```\n", "after"]);
});

test("a list with blank lines stays whole", () => {
  expect(blocks("1. one\n\n2. two")).toEqual(["1. one\n\n2. two"]);
});

test("blocks together are the text", () => {
  const text = "# a\n\nb\n\n- c\n\n  d\n\n~~~\n\n```\n~~~\n\ne\n";
  expect(blocks(text).join("\n")).toBe(text);
});
