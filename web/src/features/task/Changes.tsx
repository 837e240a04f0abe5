import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { MessageSquarePlus, Trash2 } from "lucide-react";
import { useCallback, useMemo, useState } from "react";
import { diffQuery } from "../../api/queries";
import type { Diff } from "../../api/types";
import { Button, IconButton } from "../../parts/Button";
import { type Line, PatchView } from "../../parts/DiffView";
import { Checkbox, Field } from "../../parts/Field";
import { grouped } from "../../parts/format";
import { Empty, Loaded } from "../../parts/States";
import { keepComments, useComments } from "./comments";
import { patches } from "./patches";
import css from "./task.module.css";

const route = getRouteApi("/tasks/$name");
const letters: Record<string, string> = { added: "A", modified: "M", deleted: "D", renamed: "R", untracked: "A" };

/** The work of a task against its base, with remarks on lines. */
export function Changes({ name }: { name: string }) {
  const diff = useQuery(diffQuery(name));
  return (
    <Loaded query={diff}>
      {(data) =>
        data.files.length === 0 ? (
          <Empty title="Nothing is changed yet">
            <p>
              What differs from {data.base_commit ? `the base ${data.base_commit.slice(0, 8)}` : "the base"} appears
              here.
            </p>
          </Empty>
        ) : (
          <Review name={name} diff={data} />
        )
      }
    </Loaded>
  );
}

function Review({ name, diff }: { name: string; diff: Diff }) {
  const { file } = route.useSearch();
  const navigate = route.useNavigate();
  const [split, setSplit] = useState(false);
  const byPath = useMemo(() => patches(diff.diff), [diff.diff]);
  const comments = useComments(name);
  const path = diff.files.find((one) => one.path === file)?.path ?? diff.files[0]?.path ?? "";
  const [additions, deletions] = [sum(diff, "additions"), sum(diff, "deletions")];
  return (
    <div className={css.changes}>
      <div className={css.changesHead}>
        <strong>{grouped(diff.files.length)} files</strong>
        <span className={css.good}>+{grouped(additions)}</span>
        <span className={css.bad}>−{grouped(deletions)}</span>
        {comments.length > 0 ? <span>{comments.length} comments</span> : null}
        <span className={css.grow} />
        <Checkbox label="Side by side" value={split} onChange={setSplit} />
      </div>
      <nav className={css.files} aria-label="Changed files">
        {diff.files.map((one) => (
          <button
            key={one.path}
            type="button"
            aria-current={one.path === path}
            onClick={() => void navigate({ search: (before) => ({ ...before, file: one.path }), replace: true })}
          >
            <strong className={css.mono} title={one.status}>
              {letters[one.status] ?? one.status.slice(0, 1).toUpperCase()}
            </strong>
            <span className={css.path} title={one.path}>
              <bdi>{one.path}</bdi>
            </span>
            {one.uncommitted ? <span className={css.muted}>not committed</span> : null}
            <span className={css.good}>+{one.additions}</span>
            <span className={css.bad}>−{one.deletions}</span>
          </button>
        ))}
      </nav>
      <div className={css.diff} role="region" aria-label={`Changes in ${path}`} tabIndex={0}>
        <FileChanges key={path} name={name} path={path} patch={byPath.get(path)} split={split} />
      </div>
    </div>
  );
}

const sum = (diff: Diff, what: "additions" | "deletions") => diff.files.reduce((all, file) => all + file[what], 0);
const NEW = "new";

interface FileProps {
  name: string;
  path: string;
  patch: string | undefined;
  split: boolean;
}

function FileChanges({ name, path, patch, split }: FileProps) {
  const all = useComments(name);
  const [asked, askFor] = useState<Line>();
  const [text, setText] = useState("");
  const mine = all.filter((comment) => comment.path === path);
  const onLine = useCallback((line: Line) => askFor(line), []);
  const add = () => {
    if (!asked || text.trim() === "") return;
    keepComments(name, [...all, { ...asked, id: crypto.randomUUID(), path, text: text.trim() }]);
    askFor(undefined);
    setText("");
  };
  if (!patch || !patch.includes("\n@@ ")) {
    return (
      <Empty
        title={patch ? "Only the name or mode differs, or it is binary" : "This file’s changes are too large to show"}
      />
    );
  }
  return (
    <>
      <div className={css.comment}>
        <div className={css.row}>
          <MessageSquarePlus size={14} aria-hidden />
          <span className={css.muted}>Click a line’s number to comment it, or give its number:</span>
          <input
            type="number"
            min={1}
            aria-label="Line to comment"
            style={{ width: 72 }}
            onKeyDown={(event) => {
              if (event.key === "Enter") askFor({ line: Number(event.currentTarget.value), side: "additions" });
            }}
          />
        </div>
      </div>
      <PatchView
        patch={patch}
        split={split}
        onLine={onLine}
        under={[...mine, ...(asked ? [{ ...asked, id: NEW }] : [])]}
        renderUnder={(id) => {
          if (id === NEW) {
            return (
              <div className={css.comment}>
                <Field label={`Comment on line ${asked?.line}`} rows={2} autoFocus value={text} onChange={setText} />
                <div className={css.row}>
                  <Button tone="primary" onPress={add}>
                    Add
                  </Button>
                  <Button onPress={() => askFor(undefined)}>Cancel</Button>
                  <span className={css.muted}>It is sent with your next message.</span>
                </div>
              </div>
            );
          }
          return (
            <div className={css.comment}>
              <div className={css.row}>
                <span className={css.grow}>{mine.find((comment) => comment.id === id)?.text}</span>
                <IconButton
                  label="Remove the comment"
                  icon={<Trash2 size={14} />}
                  onPress={() =>
                    keepComments(
                      name,
                      all.filter((comment) => comment.id !== id),
                    )
                  }
                />
              </div>
            </div>
          );
        }}
      />
    </>
  );
}
