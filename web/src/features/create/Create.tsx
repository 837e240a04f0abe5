import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { FolderOpen } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { ApiError, ask, client, sentence } from "../../api/client";
import { branchesQuery, projectsQuery } from "../../api/library";
import { keys, tasksQuery } from "../../api/queries";
import type { NewImage, NewTask, Task } from "../../api/types";
import { Page } from "../../app/Shell";
import { Button, IconButton } from "../../parts/Button";
import { Checkbox, Field, Select } from "../../parts/Field";
import { FolderDialog } from "../../parts/FolderDialog";
import { Images, readImages } from "../../parts/Images";
import { tell } from "../../parts/Toast";
import css from "./create.module.css";
import { emptyForm, type Form, nameFrom, readMany, recentProjects, toTask } from "./form";

const route = getRouteApi("/new");
const KEPT = "new task";

function keptForm(): Form {
  try {
    return { ...emptyForm, ...(JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<Form>) };
  } catch {
    return emptyForm;
  }
}

/** A form for a new task, or many. */
export function Create() {
  const { project } = route.useSearch();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const { data: tasks } = useQuery(tasksQuery);
  const [form, setForm] = useState(() => ({ ...keptForm(), ...(project ? { project } : {}) }));
  const [images, setImages] = useState<NewImage[]>([]);
  const [many, setMany] = useState(false);
  const [wrong, setWrong] = useState<ApiError | Error>();
  const [busy, setBusy] = useState(false);
  const [over, setOver] = useState(false);
  const { data: projects } = useQuery(projectsQuery);
  const { data: branches } = useQuery({ ...branchesQuery(form.project), enabled: form.project.startsWith("/") });
  const [browses, browse] = useState(false);
  const recent = [...new Set([...recentProjects(tasks ?? []), ...(projects ?? []).map(({ path }) => path)])];
  const [first] = recent;
  const set =
    <K extends keyof Form>(field: K) =>
    (value: Form[K]) =>
      setForm((before) => ({ ...before, [field]: value }));

  useEffect(() => localStorage.setItem(KEPT, JSON.stringify(form)), [form]);
  useEffect(() => {
    if (first && form.project === "") setForm((before) => ({ ...before, project: first }));
  }, [first, form.project]);

  const fields = wrong instanceof ApiError ? wrong.fields : {};
  const error = (...names: string[]) => names.map((name) => fields[name]).find(Boolean);

  const submit = async (start: boolean) => {
    if (busy) return;
    setBusy(true);
    setWrong(undefined);
    try {
      if (many) await createMany(start);
      else {
        const task = await create(toTask(form, start), cache);
        if (images.length > 0) {
          const body = { input: "Images for the task.", images, interrupt: false, priority: "normal" as const };
          await ask(client.POST("/api/v1/tasks/by-name/{name}/set-input", at(task.task_name, body)));
        }
        setForm({ ...form, name: "", description: "" });
        localStorage.setItem(KEPT, JSON.stringify({ ...form, name: "", description: "" }));
        await navigate({ to: "/tasks/$name", params: { name: task.task_name } });
      }
    } catch (cause) {
      setWrong(cause instanceof Error ? cause : new Error(sentence(cause)));
    } finally {
      setBusy(false);
    }
  };

  const createMany = async (start: boolean) => {
    const lines = readMany(form.description);
    const failed: string[] = [];
    for (const line of lines) {
      try {
        await create(toTask({ ...form, name: "", description: line }, start), cache);
      } catch (cause) {
        failed.push(line);
        tell(`“${nameFrom(line)}” was not created: ${sentence(cause)}`, true);
      }
    }
    setForm({ ...form, description: failed.join("\n") });
    if (failed.length === 0) await navigate({ to: "/" });
  };

  const body = useRef<HTMLFormElement>(null);
  const add = async (files: Iterable<File>) => setImages([...images, ...(await readImages(files))]);

  return (
    <Page title="New task">
      <form
        ref={body}
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          void submit(true);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
            event.preventDefault();
            void submit(true);
          }
        }}
      >
        {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way beside the button */}
        <div
          className={css.drop}
          data-over={over}
          onPaste={(event) => {
            if (event.clipboardData.files.length > 0) void add(event.clipboardData.files);
          }}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => {
            event.preventDefault();
            setOver(false);
            void add(event.dataTransfer.files);
          }}
        >
          <Field
            label={many ? "Tasks, one a line" : "What should be done"}
            value={form.description}
            onChange={set("description")}
            rows={many ? 10 : 6}
            autoFocus
            required
            error={error("description")}
            hint={many ? `${readMany(form.description).length} tasks` : "Markdown; paste or drop images."}
          />
          <Images images={images} onChange={setImages} />
        </div>
        {many ? null : (
          <Field
            label="Name"
            value={form.name}
            onChange={set("name")}
            placeholder={nameFrom(form.description) || "Made from the description"}
            error={error("task_name")}
          />
        )}
        <div className={css.pair}>
          <div className={css.folder}>
            <Field
              label="Project folder"
              value={form.project}
              onChange={set("project")}
              placeholder="/home/me/project"
              list="projects"
              error={error("root_folder", "projects", "projects[0].path", "project_path")}
            />
            <IconButton label="Choose a folder" icon={<FolderOpen size={16} />} onPress={() => browse(true)} />
            <datalist id="projects">
              {recent.map((path) => (
                <option key={path} value={path} />
              ))}
            </datalist>
          </div>
          <Field
            label="Base branch"
            value={form.base}
            onChange={set("base")}
            placeholder={branches?.current_branch ?? "The repository's default"}
            list="branches"
            error={error("base_branch")}
          />
          <datalist id="branches">
            {branches?.branches.map((branch) => (
              <option key={branch} value={branch} />
            ))}
          </datalist>
        </div>
        <Field
          label="Done when"
          value={form.criteria}
          onChange={set("criteria")}
          rows={2}
          hint="In words; without it the task ends when the agent has no more to do."
          error={error("end_criteria", "end_criteria_config.criteria")}
        />
        <div className={css.pair}>
          <Select
            label="Mode"
            value={form.mode}
            onChange={(mode) => set("mode")(mode as Form["mode"])}
            options={[
              { id: "work", label: "Work until done" },
              { id: "chat", label: "Chat: wait after each turn" },
            ]}
          />
          <Field
            label="Most turns"
            type="number"
            value={form.iterations}
            onChange={set("iterations")}
            placeholder="The server's default"
            error={error("max_iterations", "end_criteria_config.max_iterations")}
          />
        </div>
        <details className={css.more}>
          <summary>More: budgets, model, further folders</summary>
          <div>
            <div className={css.pair}>
              <Field
                label="Most tokens"
                type="number"
                value={form.tokens}
                onChange={set("tokens")}
                error={error("max_tokens")}
              />
              <Field
                label="Most US$"
                type="number"
                value={form.cost}
                onChange={set("cost")}
                error={error("max_cost_usd")}
              />
              <Field
                label="Most minutes of running"
                type="number"
                value={form.minutes}
                onChange={set("minutes")}
                error={error("max_duration_seconds")}
              />
              <Field label="Model" value={form.model} onChange={set("model")} error={error("model")} />
            </div>
            <Field
              label="Folders to read, one a line"
              value={form.reads}
              onChange={set("reads")}
              rows={2}
              error={error("projects[1].path", "projects[2].path")}
            />
            <Checkbox label="In a worktree and branch of its own" value={form.worktree} onChange={set("worktree")} />
          </div>
        </details>
        <div className={css.foot}>
          <div className={css.wrong} role="alert">
            {wrong ? sentence(wrong) : null}
          </div>
          <Checkbox label="Many at once" value={many} onChange={setMany} />
          <Button isDisabled={busy} onPress={() => void submit(false)}>
            Create
          </Button>
          <Button type="submit" tone="primary" keys="mod+enter" tip="Create and start" isDisabled={busy}>
            Create and start
          </Button>
        </div>
      </form>
      {browses ? <FolderDialog onClose={() => browse(false)} onChoose={set("project")} /> : null}
    </Page>
  );
}

const at = <B,>(name: string, body: B) => ({ params: { path: { name } }, body });

async function create(body: Partial<NewTask>, cache: ReturnType<typeof useQueryClient>): Promise<Task> {
  const task = (await ask(client.POST("/api/v1/tasks", { body: body as NewTask }))) as Task;
  cache.setQueryData(keys.task(task.task_name), task);
  return task;
}
