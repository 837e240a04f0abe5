import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { FolderOpen, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { ApiError, ask, client, sentence } from "../../api/client";
import { type Project, type ProjectConfig, projectsQuery } from "../../api/library";
import { Page } from "../../app/Shell";
import { Button, IconButton } from "../../parts/Button";
import { Confirm, Dialog } from "../../parts/Dialog";
import { Field } from "../../parts/Field";
import { FolderDialog } from "../../parts/FolderDialog";
import { lastOf } from "../../parts/format";
import { Empty, Loaded } from "../../parts/States";
import { telling } from "../../parts/Toast";
import css from "../pages.module.css";

/** The repositories that tasks work in, each with its commands and defaults. */
export function Projects() {
  const projects = useQuery(projectsQuery);
  const cache = useQueryClient();
  const [edited, edit] = useState<Project | "new">();
  const [removed, remove] = useState<Project>();
  const reload = () => void cache.invalidateQueries(projectsQuery);
  return (
    <Page
      title="Projects"
      tools={
        <Button tone="primary" onPress={() => edit("new")}>
          <Plus size={16} aria-hidden />
          Add a project
        </Button>
      }
    >
      <Loaded query={projects}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="No project yet">
              <p>A project is a repository with its commands, notes and defaults for tasks.</p>
            </Empty>
          ) : (
            <div className={css.column}>
              {list.map((project) => (
                <article key={project.id} className={css.item} aria-label={project.name}>
                  <div className={css.row}>
                    <h2 className={css.grow}>{project.name}</h2>
                    <Link to="/new" search={{ project: project.path }}>
                      New task
                    </Link>
                    <Button onPress={() => edit(project)}>Edit</Button>
                    <IconButton
                      label={`Remove ${project.name}`}
                      icon={<Trash2 size={16} />}
                      onPress={() => remove(project)}
                    />
                  </div>
                  <p className={css.mono}>{project.path}</p>
                  <p className={css.muted}>
                    {[project.default_branch, project.project_type, project.config.test_command]
                      .filter(Boolean)
                      .join(" · ")}
                  </p>
                </article>
              ))}
            </div>
          )
        }
      </Loaded>
      {edited ? (
        <Edit
          project={edited === "new" ? undefined : edited}
          onClose={() => {
            edit(undefined);
            reload();
          }}
        />
      ) : null}
      <Confirm
        title={`Remove “${removed?.name ?? ""}”`}
        text="Its settings go; the folder and the tasks stay as they are."
        verb="Remove"
        open={removed !== undefined}
        onClose={() => remove(undefined)}
        onConfirm={() => {
          if (!removed) return;
          const params = { path: { id: removed.id } };
          void telling(ask(client.DELETE("/api/v1/projects/{id}", { params })), ({ message }) => message).then(reload);
        }}
      />
    </Page>
  );
}

const lines = (list: string[]): string[] => list.map((line) => line.trim()).filter(Boolean);

const numbers = [
  ["max_iterations", "Most turns"],
  ["max_tokens", "Most tokens"],
  ["max_cost_usd", "Most US$"],
  ["max_duration_seconds", "Most seconds"],
  ["max_running", "Tasks at once"],
  ["ports", "Ports of a task"],
] as const;
const texts = [
  ["test_command", "Test command"],
  ["dev_command", "Development server"],
] as const;
const lists = [
  ["setup_commands", "Set up, one command a line"],
  ["cleanup_commands", "Clean up, one command a line"],
  ["copy_files", "Files to copy, one a line"],
] as const;

function Edit({ project, onClose }: { project: Project | undefined; onClose: () => void }) {
  const [path, setPath] = useState(project?.path ?? "");
  const [name, setName] = useState(project?.name ?? "");
  const [branch, setBranch] = useState(project?.default_branch ?? "");
  const [config, setConfig] = useState<ProjectConfig>(project?.config ?? {});
  const [browses, browse] = useState(false);
  const [error, setError] = useState<unknown>();
  const fields = error instanceof ApiError ? error.fields : {};
  const set = (field: string, value: unknown) => setConfig({ ...config, [field]: value } as ProjectConfig);

  const save = async () => {
    const body = {
      name: name.trim() || lastOf(path),
      path: path.trim(),
      ...(branch.trim() ? { default_branch: branch.trim() } : {}),
      config: { ...config, ...Object.fromEntries(lists.map(([field]) => [field, lines(config[field] ?? [])])) },
    };
    try {
      if (project) await ask(client.PUT("/api/v1/projects/{id}", { params: { path: { id: project.id } }, body }));
      else await ask(client.POST("/api/v1/projects", { body: { default_branch: "main", ...body } }));
      onClose();
    } catch (cause) {
      setError(cause);
    }
  };

  return (
    <Dialog
      title={project ? `Project “${project.name}”` : "Add a project"}
      open
      onClose={onClose}
      foot={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button tone="primary" onPress={() => void save()}>
            Save
          </Button>
        </>
      }
    >
      <div className={css.row}>
        <div className={css.grow}>
          <Field label="Folder" value={path} onChange={setPath} error={fields.path} />
        </div>
        <IconButton label="Choose a folder" icon={<FolderOpen size={16} />} onPress={() => browse(true)} />
      </div>
      <div className={css.pair}>
        <Field label="Name" value={name} onChange={setName} placeholder={lastOf(path)} error={fields.name} />
        <Field
          label="Default branch"
          value={branch}
          onChange={setBranch}
          placeholder="main"
          error={fields.default_branch}
        />
      </div>
      <Field
        label="Notes for the agent"
        rows={3}
        value={config.notes ?? ""}
        onChange={(text) => set("notes", text || null)}
        error={fields["config.notes"]}
      />
      {lists.map(([field, label]) => (
        <Field
          key={field}
          label={label}
          rows={2}
          value={(config[field] ?? []).join("\n")}
          onChange={(text) => set(field, text.split("\n"))}
          error={fields[`config.${field}`]}
        />
      ))}
      <div className={css.pair}>
        {texts.map(([field, label]) => (
          <Field
            key={field}
            label={label}
            value={config[field] ?? ""}
            onChange={(text) => set(field, text || null)}
            error={fields[`config.${field}`]}
          />
        ))}
        {numbers.map(([field, label]) => (
          <Field
            key={field}
            label={label}
            type="number"
            value={config[field] == null ? "" : String(config[field])}
            onChange={(text) => set(field, text === "" ? null : Number(text))}
            error={fields[`config.${field}`]}
          />
        ))}
      </div>
      {error ? (
        <p className={css.bad} role="alert">
          {sentence(error)}
        </p>
      ) : null}
      {browses ? <FolderDialog onClose={() => browse(false)} onChoose={setPath} /> : null}
    </Dialog>
  );
}
