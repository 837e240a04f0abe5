import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleHelp, Lightbulb, ShieldQuestion, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { answer } from "../../actions/tasks";
import type { GiveAnswer, Question } from "../../api/types";
import { Button } from "../../parts/Button";
import { Field, Select } from "../../parts/Field";
import { Kbd } from "../../parts/Kbd";
import { Time } from "../../parts/Shown";
import css from "./inbox.module.css";

const kinds = {
  choice: { word: "Question", icon: CircleHelp },
  permission: { word: "Permission", icon: ShieldQuestion },
  escalation: { word: "Escalation", icon: TriangleAlert },
};

/** Something that waits for a person, with its answers as buttons. */
export function QuestionCard({ question, withTask = true }: { question: Question; withTask?: boolean }) {
  const { word, icon: Icon } = kinds[question.kind];
  return (
    <article
      className={css.card}
      data-stop
      data-question={question.id}
      data-task={question.task_name}
      aria-label={`${word} of ${question.task_name}`}
      tabIndex={-1}
      onKeyDown={(event) => pickByNumber(event)}
    >
      <div className={css.head}>
        <Icon size={14} aria-hidden />
        <span>{word}</span>
        {withTask ? (
          <Link to="/tasks/$name" params={{ name: question.task_name }}>
            {question.task_name}
          </Link>
        ) : null}
        <Time at={question.asked_at} />
      </div>
      <p className={css.text}>{question.text}</p>
      {question.suggestion ? (
        <p className={css.suggestion}>
          <Lightbulb size={14} aria-hidden /> {question.suggestion.plugin} suggests “{question.suggestion.answer}”:{" "}
          {question.suggestion.reason}
        </p>
      ) : null}
      {question.kind === "permission" ? <Permission question={question} /> : <Choices question={question} />}
    </article>
  );
}

/** Digits choose what stands at that place, unless one types. */
function pickByNumber(event: React.KeyboardEvent<HTMLElement>): void {
  if (/^(INPUT|TEXTAREA)$/.test((event.target as HTMLElement).tagName) || !/^[1-9]$/.test(event.key)) return;
  event.currentTarget.querySelectorAll<HTMLButtonElement>("[data-choice]")[Number(event.key) - 1]?.click();
}

function Choices({ question }: { question: Question }) {
  const cache = useQueryClient();
  const [picked, pick] = useState<string[]>([]);
  const [text, setText] = useState("");
  const give = (body: GiveAnswer) => void answer(cache, question, body);
  const choose = (label: string) => {
    if (!question.multiple) return give({ answers: [label] });
    pick(picked.includes(label) ? picked.filter((other) => other !== label) : [...picked, label]);
  };
  return (
    <>
      {question.choices.length > 0 ? (
        <div className={css.choices}>
          {question.choices.map((choice, index) => (
            <button
              key={choice.label}
              type="button"
              data-choice
              className={css.choice}
              onClick={() => choose(choice.label)}
              {...(question.multiple ? { "aria-pressed": picked.includes(choice.label) } : {})}
            >
              {index < 9 ? <Kbd keys={String(index + 1)} /> : null}
              <strong>{choice.label}</strong>
              <span>{choice.description}</span>
            </button>
          ))}
        </div>
      ) : null}
      <form
        className={css.buttons}
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== "") give({ text: text.trim() });
          else if (picked.length > 0) give({ answers: picked });
        }}
      >
        <div className={css.grow}>
          <Field
            label="Answer in your own words"
            hideLabel
            placeholder="Answer in your own words"
            value={text}
            onChange={setText}
          />
        </div>
        {question.suggestion && text === "" ? (
          <Button onPress={() => give({ text: question.suggestion?.answer ?? "" })}>Take the suggestion</Button>
        ) : null}
        <Button type="submit" tone="primary" isDisabled={text.trim() === "" && picked.length === 0}>
          Answer
        </Button>
      </form>
    </>
  );
}

function Permission({ question }: { question: Question }) {
  const cache = useQueryClient();
  const [message, setMessage] = useState("");
  const [remember, setRemember] = useState<"no" | "task" | "project">("no");
  const give = (behavior: "allow" | "deny") =>
    void answer(cache, question, { behavior, remember, ...(message && behavior === "deny" ? { message } : {}) });
  const { tool } = question;
  return (
    <>
      {tool ? (
        <>
          <pre className={css.tool} tabIndex={0}>
            {askedFor(tool.input)}
          </pre>
          <p className={css.where}>
            {tool.name} in <code>{tool.cwd}</code>
          </p>
        </>
      ) : null}
      <div className={css.buttons}>
        <Button tone="primary" keys="y" tip="Allow" onPress={() => give("allow")}>
          Allow
        </Button>
        <Button tone="danger" keys="n" tip="Deny" onPress={() => give("deny")}>
          Deny
        </Button>
        <div>
          <Select
            label="Remember"
            hideLabel
            value={remember}
            onChange={(value) => setRemember(value as typeof remember)}
            options={[
              { id: "no", label: "This once" },
              { id: "task", label: "For this task" },
              { id: "project", label: "For the project" },
            ]}
          />
        </div>
        <div className={css.grow}>
          <Field
            label="What the agent is told with a denial"
            hideLabel
            placeholder="With a denial: what to do instead"
            value={message}
            onChange={setMessage}
          />
        </div>
      </div>
    </>
  );
}

function askedFor(input: unknown): string {
  if (typeof input === "object" && input !== null && "command" in input && typeof input.command === "string") {
    return input.command;
  }
  if (typeof input === "object" && input !== null && "plan" in input && typeof input.plan === "string")
    return input.plan;
  return JSON.stringify(input, null, 2);
}
