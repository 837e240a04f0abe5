import type { Usage } from "../../api/library";

/** What several rows come to. Tokens are those that count against limits: input, output and cache writes. */
export function totals(rows: Usage[]): { cost: number; tokens: number; turns: number } {
  const sum = { cost: 0, tokens: 0, turns: 0 };
  for (const { cost_usd, tokens, turns } of rows) {
    sum.cost += cost_usd;
    sum.tokens += (tokens.input ?? 0) + (tokens.output ?? 0) + (tokens.cache_creation ?? 0);
    sum.turns += turns;
  }
  return sum;
}

/** The cost of every day from the first to the last, also of those on which nothing was used. */
export function byDay(rows: Usage[], first: string, last: string): { day: string; cost: number }[] {
  const cost = new Map<string, number>();
  for (const row of rows) cost.set(row.day, (cost.get(row.day) ?? 0) + row.cost_usd);
  const days = [];
  for (let at = Date.parse(first); at <= Date.parse(last); at += 86_400_000) {
    const day = new Date(at).toISOString().slice(0, 10);
    days.push({ day, cost: cost.get(day) ?? 0 });
  }
  return days;
}
