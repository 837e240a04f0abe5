import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Hand, Paperclip, Pencil, SendHorizontal, X } from "lucide-react";
import { memo, useEffect, useRef, useState } from "react";
import { isFinal } from "../../actions/tasks";
import { ask, client, sentence } from "../../api/client";
import { promptsQuery } from "../../api/library";
import { diffQuery, inputsQuery, keys } from "../../api/queries";
import type { Input, NewImage, Status } from "../../api/types";
import { Button, IconButton } from "../../parts/Button";
import { Images, readImages } from "../../parts/Images";
import parts from "../../parts/parts.module.css";
import { tell, telling } from "../../parts/Toast";
import { keepComments, useComments, withComments } from "./comments";
import css from "./task.module.css";

interface Props {
  name: string;
  status: Status;
  /** What was sent before, for ↑. */
  sent: () => string[];
  /** Whether the agent works on a turn now. */
  works: boolean;
  /** Whether a question is open, which a message answers. */
  asked: boolean;
}

/** Where one writes to the agent; never locked. */
export const Composer = memo(function Composer({ name, status, sent, works, asked }: Props) {
  const draft = `draft ${name}`;
  const [text, setText] = useState(() => localStorage.getItem(draft) ?? "");
  const [images, setImages] = useState<NewImage[]>([]);
  const [over, setOver] = useState(false);
  const [back, setBack] = useState(0);
  const comments = useComments(name);
  const cache = useQueryClient();
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const resting = !asked && (isFinal(status) || status === "STOPPED" || status === "PAUSED");

  useEffect(() => {
    if (text === "") localStorage.removeItem(draft);
    else localStorage.setItem(draft, text);
  }, [draft, text]);

  const send = async (interrupt: boolean) => {
    const input = withComments(text, comments);
    if (input.trim() === "" && images.length === 0) return;
    const [keptText, keptImages, keptComments] = [text, images, comments];
    setText("");
    setImages([]);
    setBack(0);
    keepComments(name, []);
    try {
      await deliver(name, input || "See the images.", keptImages, { interrupt, resting });
      void cache.invalidateQueries({ queryKey: keys.inputs(name) });
    } catch (error) {
      tell(sentence(error), true);
      setText((now) => now || keptText);
      setImages(keptImages);
      keepComments(name, keptComments);
    }
  };

  const add = async (files: Iterable<File>) => setImages([...images, ...(await readImages(files))]);

  const onKeyDown = (event: React.KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
      event.preventDefault();
      void send(event.shiftKey);
    } else if (event.key === "ArrowUp" && (text === "" || back > 0)) {
      const list = sent();
      const next = Math.min(back + 1, list.length);
      if (next === 0) return;
      event.preventDefault();
      setBack(next);
      setText(list[list.length - next] ?? "");
    } else if (event.key === "ArrowDown" && back > 0) {
      event.preventDefault();
      setBack(back - 1);
      setText(back === 1 ? "" : (sent().at(-(back - 1)) ?? ""));
    } else if (event.key === "Escape") {
      area.current?.blur();
    }
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: files are dropped here; the button beside does the same.
    <div
      className={css.composer}
      data-over={over}
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
      <Templates text={text} area={area} onPick={setText} />
      <Mentions name={name} text={text} area={area} onPick={setText} />
      <textarea
        ref={area}
        rows={2}
        value={text}
        aria-label="Message to the agent"
        placeholder={
          resting
            ? "Write to go on with this task"
            : asked
              ? "Write to answer the question"
              : "Write to the agent; it reads it with its next turn"
        }
        onChange={(event) => {
          setText(event.target.value);
          setBack(0);
        }}
        onKeyDown={onKeyDown}
        onPaste={(event) => {
          if (event.clipboardData.files.length > 0) {
            event.preventDefault();
            void add(event.clipboardData.files);
          }
        }}
      />
      <div className={css.images}>
        <Images images={images} onChange={setImages} />
      </div>
      <div className={css.composerFoot}>
        <input
          ref={picker}
          type="file"
          accept="image/*"
          multiple
          hidden
          onChange={(event) => {
            void add(event.target.files ?? []);
            event.target.value = "";
          }}
        />
        <IconButton label="Add images" icon={<Paperclip size={16} />} onPress={() => picker.current?.click()} />
        <span className={css.hint}>
          {comments.length > 0 ? `${comments.length} comments on the changes go with it` : ""}
        </span>
        {works ? (
          <Button tip="Send and interrupt the turn" keys="mod+shift+enter" onPress={() => void send(true)}>
            <Hand size={16} aria-hidden />
            <span className={css.wordOnDesk}>Interrupt and send</span>
          </Button>
        ) : null}
        <Button tone="primary" tip="Send" keys="mod+enter" onPress={() => void send(false)}>
          <SendHorizontal size={16} aria-hidden />
          Send
        </Button>
      </div>
    </div>
  );
});

async function deliver(
  name: string,
  input: string,
  images: NewImage[],
  { interrupt, resting }: { interrupt: boolean; resting: boolean },
): Promise<void> {
  const path = { name };
  if (!resting || images.length > 0) {
    const body = { input, images, interrupt: interrupt && !resting, priority: "normal" as const };
    await ask(client.POST("/api/v1/tasks/by-name/{name}/set-input", { params: { path }, body }));
  }
  if (!resting) return;
  const body = images.length > 0 ? {} : { input };
  await ask(client.POST("/api/v1/tasks/by-name/{name}/continue", { params: { path }, body }));
}

interface MentionsProps {
  name: string;
  text: string;
  area: React.RefObject<HTMLTextAreaElement | null>;
  onPick: (text: string) => void;
}

/** Files of the changes for what is typed after an `@`. */
function Mentions({ name, text, area, onPick }: MentionsProps) {
  const typed = /(^|\s)@(\S*)$/.exec(text)?.[2];
  const { data } = useQuery({ ...diffQuery(name), enabled: typed !== undefined });
  if (typed === undefined || !data) return null;
  const files = data.files.filter((file) => file.path.toLowerCase().includes(typed.toLowerCase())).slice(0, 20);
  if (files.length === 0) return null;
  return (
    <div className={css.suggest} role="group" aria-label="Files">
      {files.map((file) => (
        <button
          key={file.path}
          type="button"
          onClick={() => {
            onPick(`${text.slice(0, text.length - typed.length)}${file.path} `);
            area.current?.focus();
          }}
        >
          {file.path}
        </button>
      ))}
    </div>
  );
}

/** Prompts for what is typed after a `/` at the beginning. */
function Templates({ text, area, onPick }: Omit<MentionsProps, "name">) {
  const typed = /^\/(\S*)$/.exec(text)?.[1];
  const { data } = useQuery({ ...promptsQuery, enabled: typed !== undefined });
  if (typed === undefined || !data) return null;
  const fits = data.filter((prompt) => prompt.title.toLowerCase().includes(typed.toLowerCase())).slice(0, 20);
  if (fits.length === 0) return null;
  return (
    <div className={css.suggest} role="group" aria-label="Prompts">
      {fits.map((prompt) => (
        <button
          key={prompt.id}
          type="button"
          title={prompt.content}
          onClick={() => {
            onPick(prompt.content);
            area.current?.focus();
            void ask(client.POST("/api/v1/prompts/{id}/use", { params: { path: { id: prompt.id } } })).catch(() => {});
          }}
        >
          {prompt.title}
        </button>
      ))}
    </div>
  );
}

/** What was sent and waits for the agent; it can still be changed. */
export function Queue({ name }: { name: string }) {
  const { data: waiting = [] } = useQuery(inputsQuery(name));
  if (waiting.length === 0) return null;
  return (
    <ul className={css.queue} aria-label="Waiting messages">
      {waiting.map((input) => (
        <Waiting key={input.id} name={name} input={input} />
      ))}
    </ul>
  );
}

function Waiting({ name, input }: { name: string; input: Input }) {
  const [edited, edit] = useState<string>();
  const cache = useQueryClient();
  const path = { name, input_id: input.id };
  const after = () => void cache.invalidateQueries({ queryKey: keys.inputs(name) });
  const save = async () => {
    const body = { input: edited ?? "" };
    await telling(ask(client.PUT("/api/v1/tasks/by-name/{name}/inputs/{input_id}", { params: { path }, body })));
    edit(undefined);
    after();
  };
  if (edited !== undefined) {
    return (
      <li>
        <input
          className={parts.input}
          aria-label="Waiting message"
          value={edited}
          // biome-ignore lint/a11y/noAutofocus: the person has just asked to edit it.
          autoFocus
          onChange={(event) => edit(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") void save();
            if (event.key === "Escape") edit(undefined);
          }}
        />
        <Button onPress={() => void save()}>Save</Button>
      </li>
    );
  }
  return (
    <li>
      <p title={input.input}>
        {input.priority === "urgent" ? <strong>Urgent: </strong> : null}
        {input.input}
        {input.images > 0 ? ` (${input.images} images)` : ""}
      </p>
      <IconButton label="Edit the waiting message" icon={<Pencil size={14} />} onPress={() => edit(input.input)} />
      <IconButton
        label="Remove the waiting message"
        icon={<X size={14} />}
        onPress={() =>
          void telling(ask(client.DELETE("/api/v1/tasks/by-name/{name}/inputs/{input_id}", { params: { path } }))).then(
            after,
          )
        }
      />
    </li>
  );
}
