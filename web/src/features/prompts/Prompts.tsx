import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { ApiError, ask, client, sentence } from "../../api/client";
import { type Prompt, promptsQuery } from "../../api/library";
import { Page } from "../../app/Shell";
import { Button, IconButton } from "../../parts/Button";
import { Confirm, Dialog } from "../../parts/Dialog";
import { Field } from "../../parts/Field";
import { grouped } from "../../parts/format";
import { Time } from "../../parts/Shown";
import { Empty, Loaded } from "../../parts/States";
import { telling } from "../../parts/Toast";
import css from "../pages.module.css";

/** Texts to use again: in the composer they come by `/`. */
export function Prompts() {
  const prompts = useQuery(promptsQuery);
  const cache = useQueryClient();
  const [edited, edit] = useState<Prompt | "new">();
  const [removed, remove] = useState<Prompt>();
  const [search, setSearch] = useState("");
  const reload = () => void cache.invalidateQueries(promptsQuery);
  const fits = ({ title, content, tags, category }: Prompt) =>
    `${title} ${content} ${tags.join(" ")} ${category ?? ""}`.toLowerCase().includes(search.toLowerCase());
  return (
    <Page
      title="Prompts"
      tools={
        <>
          <Field
            label="Search prompts"
            hideLabel
            type="search"
            placeholder="Search  /"
            value={search}
            onChange={setSearch}
          />
          <Button tone="primary" onPress={() => edit("new")}>
            <Plus size={16} aria-hidden />
            New prompt
          </Button>
        </>
      }
    >
      <Loaded query={prompts}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="No prompt yet">
              <p>Keep texts here that you write again and again; type “/” in a message to use one.</p>
            </Empty>
          ) : (
            <div className={css.column}>
              {list.filter(fits).map((prompt) => (
                <article key={prompt.id} className={css.item} aria-label={prompt.title}>
                  <div className={css.row}>
                    <h2 className={css.grow}>{prompt.title}</h2>
                    <Button onPress={() => edit(prompt)}>Edit</Button>
                    <IconButton
                      label={`Delete ${prompt.title}`}
                      icon={<Trash2 size={16} />}
                      onPress={() => remove(prompt)}
                    />
                  </div>
                  <p className={css.text} tabIndex={0}>
                    {prompt.content}
                  </p>
                  <p className={css.muted}>
                    {[prompt.category, ...prompt.tags].filter(Boolean).join(" · ")} used {grouped(prompt.usage_count)}{" "}
                    times
                    {prompt.last_used_at ? (
                      <>
                        , last <Time at={prompt.last_used_at} />
                      </>
                    ) : null}
                  </p>
                </article>
              ))}
            </div>
          )
        }
      </Loaded>
      {edited ? (
        <Edit
          prompt={edited === "new" ? undefined : edited}
          onClose={() => {
            edit(undefined);
            reload();
          }}
        />
      ) : null}
      <Confirm
        title={`Delete “${removed?.title ?? ""}”`}
        text="It cannot be brought back."
        verb="Delete"
        open={removed !== undefined}
        onClose={() => remove(undefined)}
        onConfirm={() => {
          if (!removed) return;
          const params = { path: { id: removed.id } };
          void telling(ask(client.DELETE("/api/v1/prompts/{id}", { params })), ({ message }) => message).then(reload);
        }}
      />
    </Page>
  );
}

function Edit({ prompt, onClose }: { prompt: Prompt | undefined; onClose: () => void }) {
  const [title, setTitle] = useState(prompt?.title ?? "");
  const [content, setContent] = useState(prompt?.content ?? "");
  const [category, setCategory] = useState(prompt?.category ?? "");
  const [tags, setTags] = useState(prompt?.tags.join(", ") ?? "");
  const [error, setError] = useState<unknown>();
  const fields = error instanceof ApiError ? error.fields : {};
  const save = async () => {
    const list = tags
      .split(",")
      .map((tag) => tag.trim())
      .filter(Boolean);
    const body = { title, content, tags: list, category: category.trim() || null };
    try {
      if (prompt) await ask(client.PUT("/api/v1/prompts/{id}", { params: { path: { id: prompt.id } }, body }));
      else await ask(client.POST("/api/v1/prompts", { body }));
      onClose();
    } catch (cause) {
      setError(cause);
    }
  };
  return (
    <Dialog
      title={prompt ? "Edit the prompt" : "New prompt"}
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
      <Field label="Title" value={title} onChange={setTitle} autoFocus error={fields.title} />
      <Field label="Text" rows={8} value={content} onChange={setContent} error={fields.content} />
      <div className={css.pair}>
        <Field label="Category" value={category} onChange={setCategory} error={fields.category} />
        <Field label="Tags, with commas" value={tags} onChange={setTags} error={fields.tags} />
      </div>
      {error ? (
        <p className={css.bad} role="alert">
          {sentence(error)}
        </p>
      ) : null}
    </Dialog>
  );
}
