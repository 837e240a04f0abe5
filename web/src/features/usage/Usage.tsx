import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";
import { type Usage as Row, usageQuery } from "../../api/library";
import { Page } from "../../app/Shell";
import { Select } from "../../parts/Field";
import { dollars, grouped, lastOf, short } from "../../parts/format";
import { Empty, Loaded, Skeleton } from "../../parts/States";
import css from "../pages.module.css";
import { byDay, totals } from "./sums";

const Chart = lazy(() => import("../../parts/Chart").then(({ Chart }) => ({ default: Chart })));
const DAY_MS = 86_400_000;

/** What the agents used: by day, project and model. */
export function Usage() {
  const [days, setDays] = useState("30");
  const since = new Date(Date.now() - Number(days) * DAY_MS).toISOString().slice(0, 10);
  const usage = useQuery(usageQuery(since));
  return (
    <Page
      title="Usage"
      tools={
        <Select
          label="How long"
          hideLabel
          value={days}
          onChange={setDays}
          options={[
            { id: "7", label: "7 days" },
            { id: "30", label: "30 days" },
            { id: "90", label: "90 days" },
          ]}
        />
      }
    >
      <Loaded query={usage}>
        {(rows) =>
          rows.length === 0 ? <Empty title="Nothing was used in this time" /> : <Shown rows={rows} since={since} />
        }
      </Loaded>
    </Page>
  );
}

function Shown({ rows, since }: { rows: Row[]; since: string }) {
  const all = totals(rows);
  const chart = useMemo(() => {
    const days = byDay(rows, since, new Date().toISOString().slice(0, 10));
    return { days: days.map(({ day }) => day), values: days.map(({ cost }) => cost) };
  }, [rows, since]);
  return (
    <div className={css.column}>
      <dl className={css.facts}>
        <div>
          <dt>Cost</dt>
          <dd>{dollars(all.cost)}</dd>
        </div>
        <div>
          <dt>Tokens</dt>
          <dd title={grouped(all.tokens)}>{short(all.tokens)}</dd>
        </div>
        <div>
          <dt>Turns</dt>
          <dd>{grouped(all.turns)}</dd>
        </div>
      </dl>
      <Suspense fallback={<Skeleton />}>
        <Chart label="Cost by day, in US$" days={chart.days} values={chart.values} />
      </Suspense>
      <section className={css.table} aria-label="By day, project and model" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th>Day</th>
              <th>Project</th>
              <th>Model</th>
              <th className={css.number}>Turns</th>
              <th className={css.number}>Tokens</th>
              <th className={css.number}>Cost</th>
            </tr>
          </thead>
          <tbody>
            {[...rows]
              .sort((a, b) => (a.day < b.day ? 1 : -1))
              .map((row) => (
                <tr key={`${row.day} ${row.project} ${row.model}`}>
                  <td>{row.day}</td>
                  <td title={row.project ?? ""}>{row.project ? lastOf(row.project) : "none"}</td>
                  <td>{row.model ?? "default"}</td>
                  <td className={css.number}>{grouped(row.turns)}</td>
                  <td className={css.number}>{grouped(totals([row]).tokens)}</td>
                  <td className={css.number}>{dollars(row.cost_usd)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </section>
    </div>
  );
}
