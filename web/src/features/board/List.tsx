import { getRouteApi, Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import type { Task } from "../../api/types";
import { duration, grouped, short } from "../../parts/format";
import { Money, Time } from "../../parts/Shown";
import { StatusBadge } from "../../parts/StatusBadge";
import css from "./board.module.css";
import { useDoing } from "./Card";
import { columnOf, columns, needsYou, projectName, projectOf } from "./columns";

const route = getRouteApi("/");

type Value = string | number;

const heads: { id: string; label: string; wide: boolean; number?: boolean; value: (task: Task) => Value }[] = [
  { id: "name", label: "Task", wide: false, value: (task) => task.task_name.toLowerCase() },
  { id: "status", label: "Status", wide: false, value: (task) => columns.indexOf(columnOf(task, false)) },
  { id: "project", label: "Project", wide: true, value: projectOf },
  { id: "doing", label: "Now", wide: true, value: () => 0 },
  { id: "turns", label: "Turns", wide: true, number: true, value: (task) => task.iterations },
  { id: "tokens", label: "Tokens", wide: true, number: true, value: (task) => task.total_tokens_used },
  { id: "cost", label: "Cost", wide: true, number: true, value: (task) => task.total_cost_usd },
  { id: "time", label: "Time", wide: true, number: true, value: (task) => task.running_seconds },
  { id: "updated", label: "Changed", wide: false, value: (task) => task.updated_at },
];

/** All tasks as a dense table. */
export function List({ tasks, asked }: { tasks: Task[]; asked: Set<string> }) {
  const { sort = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const down = sort.startsWith("-");
  const by = heads.find((head) => head.id === sort.replace("-", ""));
  const ordered = useMemo(() => {
    if (!by) return tasks;
    const compare = (a: Task, b: Task) => (by.value(a) < by.value(b) ? -1 : by.value(a) > by.value(b) ? 1 : 0);
    return [...tasks].sort((a, b) => (down ? -compare(a, b) : compare(a, b)));
  }, [tasks, by, down]);

  const scroll = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: ordered.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => 36,
    getItemKey: (index) => ordered[index]?.id ?? index,
    overscan: 12,
  });

  return (
    <div ref={scroll} className={css.table} role="region" aria-label="Tasks" tabIndex={0}>
      <div role="table" aria-label="Tasks" aria-rowcount={ordered.length + 1}>
        <div role="rowgroup" className={css.headRow}>
          {/* biome-ignore lint/a11y/useFocusableInteractive: rows of a table are read, not operated */}
          <div role="row" className={css.row}>
            {heads.map((head) => (
              // biome-ignore lint/a11y/useFocusableInteractive: the button in it sorts
              <div
                key={head.id}
                role="columnheader"
                className={`${head.wide ? css.wide : ""} ${head.number ? css.number : ""}`}
                aria-sort={by !== head ? "none" : down ? "descending" : "ascending"}
              >
                <button
                  type="button"
                  className={css.sort}
                  onClick={() =>
                    void navigate({
                      search: (before) => ({ ...before, sort: sort === head.id ? `-${head.id}` : head.id }),
                      replace: true,
                    })
                  }
                >
                  {head.label}
                  {by === head ? <span aria-hidden="true">{down ? " ↓" : " ↑"}</span> : null}
                </button>
              </div>
            ))}
          </div>
        </div>
        <div role="rowgroup" className={css.track} style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((row) => {
            const task = ordered[row.index];
            return task ? (
              // biome-ignore lint/a11y/useFocusableInteractive: the link in it opens the task
              <div
                key={row.key}
                ref={rows.measureElement}
                role="row"
                aria-rowindex={row.index + 2}
                data-index={row.index}
                data-task={task.task_name}
                className={`${css.row} ${css.bodyRow} ${css.place}`}
                style={{ transform: `translateY(${row.start}px)` }}
              >
                <Cells task={task} asked={asked.has(task.task_name)} />
              </div>
            ) : null;
          })}
        </div>
      </div>
    </div>
  );
}

function Cells({ task, asked }: { task: Task; asked: boolean }) {
  const doing = useDoing(task);
  return (
    <>
      <div role="cell">
        <Link to="/tasks/$name" params={{ name: task.task_name }} data-stop>
          {task.task_name}
        </Link>
      </div>
      <div role="cell">
        <StatusBadge status={needsYou(task, asked) ? "NEEDS_YOU" : task.status} />
      </div>
      <div role="cell" className={css.wide} title={projectOf(task)}>
        {projectName(projectOf(task))}
      </div>
      <div role="cell" className={`${css.wide} ${css.muted}`} title={doing}>
        {doing}
      </div>
      <div role="cell" className={`${css.wide} ${css.number}`}>
        {grouped(task.iterations)}
      </div>
      <div role="cell" className={`${css.wide} ${css.number}`} title={grouped(task.total_tokens_used)}>
        {short(task.total_tokens_used)}
      </div>
      <div role="cell" className={`${css.wide} ${css.number}`}>
        <Money usd={task.total_cost_usd} />
      </div>
      <div role="cell" className={`${css.wide} ${css.number}`}>
        {duration(task.running_seconds)}
      </div>
      <div role="cell" className={css.muted}>
        <Time at={task.updated_at} />
      </div>
    </>
  );
}
