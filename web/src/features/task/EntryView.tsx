import {
  Bot,
  Brain,
  Check,
  ChevronRight,
  CircleHelp,
  CircleX,
  FilePen,
  Info,
  LoaderCircle,
  Plug,
  Terminal,
  Wrench,
} from "lucide-react";
import { lazy, memo, Suspense, useState } from "react";
import { toolSubject } from "../../api/apply";
import { dollars, duration, grouped } from "../../parts/format";
import { Markdown } from "../../parts/Markdown";
import parts from "../../parts/parts.module.css";
import { Time } from "../../parts/Shown";
import { answerText, type Entry, type ToolEntry } from "./talk";
import css from "./task.module.css";
import { toolDiff } from "./toolDiff";

const DiffView = lazy(() => import("../../parts/DiffView").then(({ DiffView }) => ({ default: DiffView })));

const speakers: Record<string, string> = { user: "You", responder: "A plugin", system: "Taskwright" };

/** One entry of a conversation. */
export const EntryView = memo(function EntryView({ entry }: { entry: Entry }) {
  switch (entry.type) {
    case "message":
      return (
        <div className={css.message} data-by={entry.by}>
          <div className={css.by}>
            <strong>{speakers[entry.by] ?? entry.by}</strong>
            <span>turn {entry.turn}</span>
            <Time at={entry.at} />
          </div>
          <div className={css.plain} tabIndex={0}>
            {entry.text}
          </div>
        </div>
      );
    case "text":
      return (
        <div className={entry.nested ? css.nested : ""}>
          <Markdown text={entry.text} />
        </div>
      );
    case "thinking":
      return (
        <Fold icon={<Brain size={14} aria-hidden />} title="Thinking" subject={entry.text.split("\n", 1)[0] ?? ""}>
          {() => (
            <div className={css.plain} tabIndex={0}>
              {entry.text}
            </div>
          )}
        </Fold>
      );
    case "tool":
      return <Tool entry={entry} />;
    case "decision":
      return <Decision entry={entry} />;
    case "question":
      return (
        <div className={css.note}>
          <CircleHelp size={14} aria-hidden />
          <span>
            {entry.question.tool ? toolSubject(entry.question.tool.input) || entry.question.text : entry.question.text}{" "}
            {entry.answered ? (
              <strong>
                {answerText(entry.answered)} ({entry.answered.answered_by.name})
              </strong>
            ) : entry.withdrawn ? (
              `Withdrawn: ${entry.withdrawn}`
            ) : (
              <strong>waits for you</strong>
            )}
          </span>
        </div>
      );
    case "turn": {
      const { turn, cost_usd, duration_ms, tokens, outcome } = entry.turn;
      const all = tokens.input + tokens.output + tokens.cache_creation;
      return (
        <div className={css.turnEnd}>
          <span>
            turn {turn} {outcome === "completed" ? "" : outcome} · {duration(duration_ms / 1000)} · {grouped(all)}{" "}
            tokens · {dollars(cost_usd)}
          </span>
        </div>
      );
    }
    case "note": {
      const icon =
        entry.tone === "good" ? (
          <Check size={14} aria-hidden />
        ) : entry.tone === "bad" ? (
          <CircleX size={14} aria-hidden />
        ) : (
          <Info size={14} aria-hidden />
        );
      const { detail } = entry;
      return detail ? (
        <Fold icon={icon} title="" tone={entry.tone} subject={entry.text}>
          {() => (
            <pre className={css.output} tabIndex={0}>
              {detail}
            </pre>
          )}
        </Fold>
      ) : (
        <div className={`${css.note} ${entry.tone === "plain" ? "" : css[entry.tone]}`}>
          {icon}
          <span>{entry.text}</span>
        </div>
      );
    }
  }
});

interface FoldProps {
  icon: React.ReactNode;
  title: string;
  subject: string;
  tone?: "plain" | "good" | "bad";
  after?: React.ReactNode;
  children: () => React.ReactNode;
}

function Fold({ icon, title, subject, tone = "plain", after, children }: FoldProps) {
  const [open, setOpen] = useState(false);
  return (
    <details className={css.fold} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {icon}
        <strong className={tone === "plain" ? "" : css[tone]}>{title}</strong>
        <span className={css.subject}>{subject}</span>
        {after}
        <ChevronRight size={14} aria-hidden />
      </summary>
      {open ? <div className={css.inside}>{children()}</div> : null}
    </details>
  );
}

const toolIcons: Record<string, typeof Wrench> = {
  Bash: Terminal,
  Edit: FilePen,
  Write: FilePen,
  MultiEdit: FilePen,
  Task: Bot,
};

function Tool({ entry }: { entry: { at: string } & ToolEntry }) {
  const Icon = toolIcons[entry.name] ?? Wrench;
  const state =
    entry.result === undefined ? (
      <LoaderCircle size={14} className={parts.spin} role="img" aria-label="runs" />
    ) : entry.isError ? (
      <CircleX size={14} className={css.bad} role="img" aria-label="failed" />
    ) : null;
  return (
    <div className={entry.nested ? css.nested : ""}>
      <Fold icon={<Icon size={14} aria-hidden />} title={entry.name} subject={toolSubject(entry.input)} after={state}>
        {() => <ToolInside entry={entry} />}
      </Fold>
    </div>
  );
}

function ToolInside({ entry }: { entry: ToolEntry }) {
  const diff = toolDiff(entry.name, entry.input);
  return (
    <>
      {diff ? (
        <Suspense
          fallback={
            <pre className={css.output} tabIndex={0}>
              {diff.after}
            </pre>
          }
        >
          <DiffView path={diff.path} before={diff.before} after={diff.after} />
        </Suspense>
      ) : (
        <pre className={css.output} tabIndex={0}>
          {inputText(entry.input)}
        </pre>
      )}
      {entry.result ? (
        <pre className={`${css.output} ${entry.isError ? css.bad : ""}`} tabIndex={0}>
          {entry.result}
        </pre>
      ) : null}
    </>
  );
}

function inputText(input: unknown): string {
  if (typeof input === "object" && input !== null && "command" in input) return String(input.command);
  return JSON.stringify(input, null, 2);
}

function Decision({ entry }: { entry: Extract<Entry, { type: "decision" }> }) {
  const { plugin, version, chain, reason, error, duration_us, answer, call } = entry.decision;
  return (
    <Fold
      icon={<Plug size={14} aria-hidden />}
      title={`${plugin} ${version}`}
      subject={error ?? reason ?? `${chain}: ${call}`}
      tone={error ? "bad" : "plain"}
      after={<span>{(duration_us / 1000).toFixed(1)} ms</span>}
    >
      {() => (
        <>
          <p className={css.muted}>
            {chain} · {call} · <Time at={entry.at} />
          </p>
          {reason ? <p>{reason}</p> : null}
          <pre className={css.output} tabIndex={0}>
            {error ?? JSON.stringify(answer, null, 2)}
          </pre>
        </>
      )}
    </Fold>
  );
}
