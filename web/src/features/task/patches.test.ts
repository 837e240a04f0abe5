import { expect, test } from "vitest";
import { withComments } from "./comments";
import { patches } from "./patches";

const changed = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-x\n+diff --git y\n";
const removed = "diff --git a/b.txt b/b.txt\ndeleted file mode 100644\n--- a/b.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n";
const binary = "diff --git a/c.png b/c.png\nBinary files a/c.png and b/c.png differ\n";

test("a diff is cut by its files, and a line that looks like a head is none", () => {
  const found = patches(changed + removed + binary);
  expect([...found.keys()]).toEqual(["a.txt", "b.txt", "c.png"]);
  expect(found.get("a.txt")).toBe(changed);
});

test("no diff has no files", () => {
  expect(patches("").size).toBe(0);
});

test("remarks are told with their places", () => {
  const comments = [
    { id: "1", path: "a.txt", line: 3, side: "additions" as const, text: "Why?" },
    { id: "2", path: "b.txt", line: 1, side: "deletions" as const, text: "Keep\nthis" },
  ];
  expect(withComments("Look", comments)).toBe(
    "Look\n\nComments on the changes:\n- a.txt:3: Why?\n- b.txt:1 (before the change): Keep\n  this",
  );
});
