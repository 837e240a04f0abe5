import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Copy, GitMerge, RotateCcw, Trash2 } from "lucide-react";
import { useState } from "react";
import { recover, remove, restart } from "../../actions/tasks";
import { ask, client } from "../../api/client";
import { evidenceQuery, worktreeQuery } from "../../api/queries";
import type { Task } from "../../api/types";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { Checkbox, Field, Select } from "../../parts/Field";
import { bytes } from "../../parts/format";
import { Time } from "../../parts/Shown";
import { tell, telling } from "../../parts/Toast";
import css from "../task/task.module.css";

type MergeKind = "merge" | "squash" | "rebase";
type Ask = "restart" | "delete" | undefined;

/** How a task ends: its commits, the merge, its folder, and how it is let go. */
export function Finish({ task }: { task: Task }) {
  const { data: evidence } = useQuery(evidenceQuery(task.task_name));
  const { data: worktree, error } = useQuery({ ...worktreeQuery(task.task_name), retry: false });
  const [kind, setKind] = useState<MergeKind>("merge");
  const [target, setTarget] = useState("");
  const [message, setMessage] = useState("");
  const [push, setPush] = useState(false);
  const [asks, setAsks] = useState<Ask>();
  const [branchToo, setBranchToo] = useState(false);
  const navigate = useNavigate();
  const commits = evidence?.commits ?? [];

  const merge = () =>
    telling(
      ask(
        client.POST("/api/v1/tasks/by-name/{name}/merge-to-test", {
          params: { path: { name: task.task_name } },
          body: { kind, push, ...(target ? { target_branch: target } : {}), ...(message ? { message } : {}) },
        }),
      ),
      (merged) => [merged.message, merged.push_message].filter(Boolean).join(" "),
    );
  const copy = (text: string) => void navigator.clipboard.writeText(text).then(() => tell("Copied."));

  return (
    <div className={css.pad}>
      <section>
        <h2>Commits on {task.branch_name ?? "the branch"}</h2>
        {commits.length === 0 ? <p className={css.muted}>None yet.</p> : null}
        <ul className={css.list}>
          {commits.map((commit) => (
            <li key={commit.id}>
              <span className={css.mono}>{commit.id.slice(0, 8)}</span>
              <span className={css.grow}>{commit.subject}</span>
              <span className={css.muted}>
                <Time at={commit.at} />
              </span>
            </li>
          ))}
        </ul>
      </section>
      <section className={css.pad} style={{ padding: 0 }}>
        <h2>Bring it onto a branch</h2>
        <div className={css.evidenceFacts} style={{ alignItems: "start" }}>
          <Select
            label="How"
            value={kind}
            onChange={(value) => setKind(value as MergeKind)}
            options={[
              { id: "merge", label: "Merge" },
              { id: "squash", label: "Squash" },
              { id: "rebase", label: "Rebase" },
            ]}
          />
          <Field label="Onto" value={target} onChange={setTarget} placeholder={task.base_branch ?? "test"} />
        </div>
        {kind === "rebase" ? null : <Field label="Message" rows={2} value={message} onChange={setMessage} />}
        <Checkbox label="Push the branch afterwards" value={push} onChange={setPush} />
        <div>
          <Button tone="primary" isDisabled={commits.length === 0} onPress={() => void merge()}>
            <GitMerge size={16} aria-hidden />
            Bring it in
          </Button>
        </div>
      </section>
      {worktree ? (
        <section>
          <h2>Folder</h2>
          <ul className={css.list}>
            {worktree.places.map((place) => (
              <li key={place.path}>
                <span className={`${css.grow} ${css.mono}`}>{place.path}</span>
                <span className={css.muted}>
                  {place.in_place ? "in place, " : ""}
                  {place.dirty ? "not all committed, " : ""}
                  {bytes(place.size_bytes)}
                </span>
                <Button onPress={() => copy(place.path)}>
                  <Copy size={14} aria-hidden />
                  Copy
                </Button>
                <a href={`vscode://file${place.path}`}>VS Code</a>
                <a href={`zed://file${place.path}`}>Zed</a>
              </li>
            ))}
            {worktree.kept_refs.map((ref) => (
              <li key={ref}>
                <span className={css.muted}>Kept</span>
                <span className={`${css.grow} ${css.mono}`}>{ref}</span>
                <Button onPress={() => copy(`git checkout ${ref} -- .`)}>
                  <Copy size={14} aria-hidden />
                  Copy how to get it back
                </Button>
              </li>
            ))}
          </ul>
        </section>
      ) : error ? null : null}
      <section>
        <h2>Begin again, or let go</h2>
        <div className={css.row}>
          <Button tip="A new agent session that is told what happened so far" onPress={() => void recover(task)}>
            <RotateCcw size={16} aria-hidden />
            New session
          </Button>
          <Button onPress={() => setAsks("restart")}>
            <RotateCcw size={16} aria-hidden />
            Clear and restart
          </Button>
          <Button tone="danger" onPress={() => setAsks("delete")}>
            <Trash2 size={16} aria-hidden />
            Delete
          </Button>
        </div>
      </section>
      <Confirm
        title="Clear and restart"
        text="The conversation and the worktree begin anew. What was not committed is kept under a ref."
        verb="Clear and restart"
        open={asks === "restart"}
        onClose={() => setAsks(undefined)}
        onConfirm={() => void restart(task)}
      />
      <Confirm
        title={`Delete “${task.task_name}”`}
        text={
          <div className={css.pad} style={{ padding: 0 }}>
            <p>It is stopped if it runs, and its worktree goes. What was not committed is kept under a ref.</p>
            <Checkbox
              label="Delete its branch too, even what is not merged"
              value={branchToo}
              onChange={setBranchToo}
            />
          </div>
        }
        verb="Delete"
        open={asks === "delete"}
        onClose={() => setAsks(undefined)}
        onConfirm={() =>
          void remove(task, { deleteBranch: branchToo, confirm: branchToo }).then(
            (done) => done && navigate({ to: "/" }),
          )
        }
      />
    </div>
  );
}
