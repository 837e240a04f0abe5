import { expect, test } from "vitest";
import type { Usage } from "../../api/library";
import { byDay, totals } from "./sums";

const row = (day: string, cost_usd: number): Usage => ({
  day,
  cost_usd,
  turns: 1,
  tokens: { input: 1, output: 2, cache_creation: 3, cache_read: 100 },
});

test("tokens read from the cache do not count", () => {
  expect(totals([row("2026-01-01", 1), row("2026-01-02", 2)])).toEqual({ cost: 3, tokens: 12, turns: 2 });
});

test("days without use are shown too", () => {
  const days = byDay([row("2026-01-01", 1), row("2026-01-03", 2), row("2026-01-03", 3)], "2026-01-01", "2026-01-03");
  expect(days.map(({ cost }) => cost)).toEqual([1, 0, 5]);
});
