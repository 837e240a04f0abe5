import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown } from "lucide-react";
import { useCallback, useLayoutEffect, useMemo, useRef, useState } from "react";
import { type Log, logQuery, partialQuery } from "../../api/queries";
import { useWatch } from "../../app/services";
import { Button } from "../../parts/Button";
import { Markdown } from "../../parts/Markdown";
import { Empty, Loaded } from "../../parts/States";
import { EntryView } from "./EntryView";
import { Talk } from "./talk";
import css from "./task.module.css";

/** How near to its end a list still counts as at its end. */
const NEAR_PX = 48;

/** The conversation that the events of a log make. */
export function useTalk(log: Log | undefined): Talk {
  const kept = useRef<{ talk: Talk; first: number | undefined }>(undefined);
  return useMemo(() => {
    const first = log?.events[0]?.seq;
    // Another task's log, or one that was loaded anew from the start.
    if (!kept.current || (kept.current.first !== undefined && kept.current.first !== first)) {
      kept.current = { talk: new Talk(), first };
    }
    kept.current.first = first;
    kept.current.talk.add(log?.events ?? []);
    return kept.current.talk;
  }, [log]);
}

/** What was said and done, with what is being written at its end. */
export function Conversation({ name, talk }: { name: string; talk: Talk }) {
  const log = useQuery(logQuery(name));
  useWatch(name);
  return (
    <Loaded query={log}>
      {({ events }) =>
        talk.entries.length === 0 && events.length < 2 ? (
          <Empty title="Nothing was said yet">
            <p>Start the task, and what the agent says and does appears here.</p>
          </Empty>
        ) : (
          <Entries name={name} talk={talk} />
        )
      }
    </Loaded>
  );
}

function Entries({ name, talk }: { name: string; talk: Talk }) {
  const { entries } = talk;
  const { data: partial } = useQuery(partialQuery(name));
  const scroll = useRef<HTMLDivElement>(null);
  const track = useRef<HTMLDivElement>(null);
  const sticks = useRef(true);
  const [away, setAway] = useState(false);
  const writes = partial !== "";
  const rows = useVirtualizer({
    count: entries.length + (writes ? 1 : 0),
    getScrollElement: () => scroll.current,
    estimateSize: (index) => (entries[index]?.type === "text" ? 80 : 34),
    getItemKey: (index) => entries[index]?.key ?? "partial",
    overscan: 8,
    paddingStart: 12,
    paddingEnd: 12,
  });

  const toEnd = useCallback(() => {
    sticks.current = true;
    setAway(false);
    const list = scroll.current;
    if (list) list.scrollTop = list.scrollHeight;
  }, []);

  // The view stays at the end while it is at the end, whatever grows; else it stays where it is.
  useLayoutEffect(() => {
    const [list, inner] = [scroll.current, track.current];
    if (!list || !inner) return;
    const observer = new ResizeObserver(() => {
      if (sticks.current) list.scrollTop = list.scrollHeight;
    });
    observer.observe(inner);
    observer.observe(list);
    return () => observer.disconnect();
  }, []);

  const onScroll = () => {
    const list = scroll.current;
    if (!list) return;
    sticks.current = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PX;
    setAway(!sticks.current);
  };

  return (
    <div className={css.holder}>
      <div
        ref={scroll}
        className={css.scroll}
        onScroll={onScroll}
        role="log"
        aria-label="Conversation"
        aria-live="off"
        tabIndex={0}
      >
        <div ref={track} className={css.track} style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((row) => {
            const entry = entries[row.index];
            return (
              <div
                key={row.key}
                ref={rows.measureElement}
                data-index={row.index}
                className={css.place}
                style={{ transform: `translateY(${row.start}px)` }}
              >
                {entry ? <EntryView entry={entry} /> : <Markdown text={partial} streams />}
              </div>
            );
          })}
        </div>
      </div>
      {away ? (
        <div className={css.toEnd}>
          <Button onPress={toEnd}>
            <ArrowDown size={16} aria-hidden />
            To the end
          </Button>
        </div>
      ) : null}
    </div>
  );
}
