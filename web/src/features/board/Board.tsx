import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { LayoutGrid, ListTree, Plus } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { questionsQuery, tasksQuery } from "../../api/queries";
import type { Task } from "../../api/types";
import { PageHead } from "../../app/Shell";
import { useScene } from "../../app/scene";
import { Button, IconButton } from "../../parts/Button";
import { Field, Select } from "../../parts/Field";
import parts from "../../parts/parts.module.css";
import { Empty, Loaded } from "../../parts/States";
import { useNarrow } from "../../parts/useNarrow";
import css from "./board.module.css";
import { Card } from "./Card";
import { type Column, columnOf, columns, inOrder, projectName, projectOf, wanted } from "./columns";
import { List } from "./List";
import type { BoardSearch } from "./search";

const route = getRouteApi("/");

/** The home page: all tasks at a glance, as columns or as a table. */
export function Board() {
  const tasks = useQuery(tasksQuery);
  const search = route.useSearch();
  return (
    <>
      <PageHead title="Tasks">
        <Filters tasks={tasks.data ?? []} search={search} />
      </PageHead>
      <Loaded query={tasks}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="No task yet">
              <p>Say what should be done, and an agent works on it in a branch of its own.</p>
              <Link to="/new" className={`${parts.button} ${parts.primary}`}>
                <Plus size={16} aria-hidden />
                New task
              </Link>
            </Empty>
          ) : (
            <Chosen all={all} search={search} />
          )
        }
      </Loaded>
    </>
  );
}

function Chosen({ all, search }: { all: Task[]; search: BoardSearch }) {
  const { data: questions } = useQuery(questionsQuery);
  const asked = useMemo(() => new Set((questions ?? []).map((question) => question.task_name)), [questions]);
  const chosen = useMemo(
    () => all.filter((task) => wanted(task, search, asked.has(task.task_name))).sort(inOrder),
    [all, search, asked],
  );
  if (chosen.length === 0) {
    return (
      <Empty title="No task fits the filters">
        <Link to="/" search={search.view ? { view: search.view } : {}}>
          Show all {all.length}
        </Link>
      </Empty>
    );
  }
  return search.view === "list" ? (
    <List tasks={chosen} asked={asked} />
  ) : (
    <Columns tasks={chosen} asked={asked} only={search.status} />
  );
}

function Columns({ tasks, asked, only }: { tasks: Task[]; asked: Set<string>; only: Column | undefined }) {
  const narrow = useNarrow();
  const groups = useMemo(() => {
    const groups = new Map<Column, Task[]>(columns.map((column) => [column, []]));
    for (const task of tasks) groups.get(columnOf(task, asked.has(task.task_name)))?.push(task);
    return groups;
  }, [tasks, asked]);
  const [chosen, choose] = useState<Column>();
  const full = (column: Column) => (groups.get(column)?.length ?? 0) > 0;
  const first = (["Needs you", "Running", ...columns] as Column[]).find(full) ?? "Running";
  const one = only ?? (chosen && full(chosen) ? chosen : first);
  const shown = only ? [only] : narrow ? [one] : columns;
  return (
    <>
      {narrow ? (
        <fieldset className={css.chips} style={{ border: 0, margin: 0 }}>
          <legend className="visually-hidden">Column</legend>
          {columns.filter(full).map((column) => (
            <button
              key={column}
              type="button"
              className={css.chip}
              aria-pressed={column === one}
              onClick={() => choose(column)}
            >
              {column}
              <span>{groups.get(column)?.length}</span>
            </button>
          ))}
        </fieldset>
      ) : null}
      <div className={css.board}>
        {shown.map((column) => (
          <ColumnOf key={column} title={column} tasks={groups.get(column) ?? []} asked={asked} />
        ))}
      </div>
    </>
  );
}

function ColumnOf({ title, tasks, asked }: { title: string; tasks: Task[]; asked: Set<string> }) {
  const scroll = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: tasks.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => 150,
    getItemKey: (index) => tasks[index]?.id ?? index,
    overscan: 4,
  });
  return (
    <section className={css.column} aria-label={title}>
      <h2 className={css.columnHead}>
        {title}
        <span className={parts.count}>{tasks.length}</span>
      </h2>
      <div ref={scroll} className={css.scroll} role="region" aria-label={`Tasks: ${title}`} tabIndex={0}>
        {tasks.length === 0 ? <p className={css.none}>None</p> : null}
        <div className={css.track} style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((row) => {
            const task = tasks[row.index];
            return task ? (
              <div
                key={row.key}
                ref={rows.measureElement}
                data-index={row.index}
                className={css.place}
                style={{ transform: `translateY(${row.start}px)` }}
              >
                <Card task={task} asked={asked.has(task.task_name)} />
              </div>
            ) : null;
          })}
        </div>
      </div>
    </section>
  );
}

function Filters({ tasks, search }: { tasks: Task[]; search: BoardSearch }) {
  const navigate = route.useNavigate();
  const scene = useScene();
  const change = (part: Record<keyof BoardSearch, string | undefined> | Partial<BoardSearch>) =>
    void navigate({
      search: (before) =>
        Object.fromEntries(Object.entries({ ...before, ...part }).filter(([, value]) => value)) as BoardSearch,
      replace: true,
    });
  const projects = [...new Set(tasks.map(projectOf))].filter(Boolean).sort();
  const users = [...new Set(tasks.map((task) => task.user_id))].filter((user) => user != null).sort();
  const list = search.view === "list";
  return (
    <div className={css.filters}>
      <div className={css.search}>
        <Field
          label="Search tasks"
          hideLabel
          type="search"
          placeholder="Search  /"
          value={search.q ?? ""}
          onChange={(q) => change({ q })}
        />
      </div>
      <div className={css.choice}>
        <Select
          label="Project"
          hideLabel
          value={search.project ?? ""}
          onChange={(project) => change({ project })}
          options={[
            { id: "", label: "All projects" },
            ...projects.map((path) => ({ id: path, label: projectName(path) })),
          ]}
        />
      </div>
      <div className={css.choice}>
        <Select
          label="Status"
          hideLabel
          value={search.status ?? ""}
          onChange={(status) => change({ status: status as Column })}
          options={[{ id: "", label: "Every status" }, ...columns.map((column) => ({ id: column, label: column }))]}
        />
      </div>
      {users.length > 1 ? (
        <div className={css.choice}>
          <Select
            label="User"
            hideLabel
            value={search.user ?? ""}
            onChange={(user) => change({ user })}
            options={[{ id: "", label: "Every user" }, ...users.map((user) => ({ id: user, label: user }))]}
          />
        </div>
      ) : null}
      <IconButton
        label={list ? "Show as board" : "Show as list"}
        keys={list ? "g b" : "g l"}
        icon={list ? <LayoutGrid size={16} /> : <ListTree size={16} />}
        onPress={() =>
          void navigate({
            search: (before: BoardSearch) => {
              const { view: _, ...rest } = before;
              return list ? rest : { ...rest, view: "list" as const };
            },
          })
        }
      />
      <Button tone="primary" tip="New task" keys="c" onPress={() => scene().go("/new")}>
        <Plus size={16} aria-hidden />
        New
      </Button>
    </div>
  );
}
