import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { logQuery } from "../../api/queries";
import type { LiveEvent } from "../../api/types";
import { Field } from "../../parts/Field";
import { Time } from "../../parts/Shown";
import { Loaded } from "../../parts/States";
import css from "./task.module.css";

/** Every event of a task, the newest first. */
export function ActivityLog({ name }: { name: string }) {
  const log = useQuery(logQuery(name));
  const [filter, setFilter] = useState("");
  return (
    <div className={css.changes}>
      <div className={css.changesHead}>
        <div className={css.grow}>
          <Field
            label="Filter events"
            hideLabel
            placeholder="Filter by kind or text"
            value={filter}
            onChange={setFilter}
          />
        </div>
      </div>
      <Loaded query={log}>{({ events }) => <Rows events={events} filter={filter.toLowerCase()} />}</Loaded>
    </div>
  );
}

function Rows({ events, filter }: { events: LiveEvent[]; filter: string }) {
  const shown = useMemo(
    () =>
      events
        .map((event) => ({ event, text: JSON.stringify(event.payload) }))
        .filter(({ event, text }) => filter === "" || `${event.kind} ${text}`.toLowerCase().includes(filter))
        .reverse(),
    [events, filter],
  );
  const scroll = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => 29,
    getItemKey: (index) => shown[index]?.event.seq ?? index,
    overscan: 12,
  });
  return (
    <div ref={scroll} className={css.diff} role="region" aria-label="Events" tabIndex={0}>
      <div style={{ height: rows.getTotalSize(), position: "relative" }}>
        {rows.getVirtualItems().map((row) => {
          const one = shown[row.index];
          return one ? (
            <div
              key={row.key}
              className={css.eventRow}
              style={{ position: "absolute", width: "100%", transform: `translateY(${row.start}px)` }}
            >
              <span className={css.muted}>{one.event.seq}</span>
              <strong>{one.event.kind}</strong>
              <span className={css.mono} title={one.text.slice(0, 2000)}>
                {one.text}
              </span>
              <Time at={one.event.at} />
            </div>
          ) : null;
        })}
      </div>
    </div>
  );
}
