import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, ask, client, sentence } from "../../api/client";
import { keys } from "../../api/queries";
import type { Task, TaskChanges } from "../../api/types";
import { Button } from "../../parts/Button";
import { Checkbox, Field } from "../../parts/Field";
import { tell } from "../../parts/Toast";
import css from "./task.module.css";

const list = (text: string): string[] =>
  text
    .split(/[\n,]/)
    .map((part) => part.trim())
    .filter(Boolean);

const chains = ["responder", "criteria", "test_runner"] as const;
const chainWords = { responder: "Answers questions", criteria: "Judges the work", test_runner: "Runs the tests" };

/** What a task may use and who decides for it; it counts from the next decision on. */
export function TaskSettings({ task }: { task: Task }) {
  const cache = useQueryClient();
  const [changed, setChanged] = useState<Record<string, string>>({});
  const [fields, setFields] = useState<Record<string, string>>({});
  const [autoCommit, setAutoCommit] = useState(task.auto_commit);
  const limits = {
    max_iterations: task.end_criteria_config.max_iterations,
    max_tokens: task.end_criteria_config.max_tokens,
    max_cost_usd: task.max_cost_usd,
    max_duration_seconds: task.max_duration_seconds,
  };
  const value = (name: string, now: unknown) => changed[name] ?? (now == null ? "" : String(now));
  const set = (name: string) => (text: string) => setChanged({ ...changed, [name]: text });

  const save = async () => {
    const body: Record<string, unknown> = {};
    for (const [name, text] of Object.entries(changed)) {
      if (name in limits) body[name] = text.trim() === "" ? null : Number(text);
      else if (name === "labels") body[name] = list(text);
      else if (!name.startsWith("chain ")) body[name] = text;
    }
    const edited = chains.filter((chain) => `chain ${chain}` in changed);
    if (edited.length > 0) {
      const given = Object.fromEntries(edited.map((chain) => [chain, list(changed[`chain ${chain}`] ?? "")]));
      const now = Object.fromEntries(
        chains.flatMap((chain) => (task.chains[chain] ? [[chain, task.chains[chain]]] : [])),
      );
      body.chains = { ...now, ...given };
    }
    if (autoCommit !== task.auto_commit) body.auto_commit = autoCommit;
    try {
      const params = { path: { name: task.task_name } };
      const saved = await ask(client.PUT("/api/v1/tasks/by-name/{name}", { params, body: body as TaskChanges }));
      cache.setQueryData(keys.task(task.task_name), saved);
      setChanged({});
      setFields({});
      tell("Saved; it counts from the next decision on.");
    } catch (error) {
      setFields(error instanceof ApiError ? error.fields : {});
      tell(sentence(error), true);
    }
  };

  return (
    <form
      className={css.pad}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Field
        label="Done when"
        rows={3}
        value={value("end_criteria", task.end_criteria_config.criteria)}
        onChange={set("end_criteria")}
        error={fields.end_criteria}
      />
      <div className={css.evidenceFacts}>
        <Field
          label="Most turns"
          type="number"
          value={value("max_iterations", limits.max_iterations)}
          onChange={set("max_iterations")}
          error={fields.max_iterations}
        />
        <Field
          label="Most tokens"
          type="number"
          value={value("max_tokens", limits.max_tokens)}
          onChange={set("max_tokens")}
          error={fields.max_tokens}
        />
        <Field
          label="Most US$"
          value={value("max_cost_usd", limits.max_cost_usd)}
          onChange={set("max_cost_usd")}
          error={fields.max_cost_usd}
        />
        <Field
          label="Most seconds"
          type="number"
          value={value("max_duration_seconds", limits.max_duration_seconds)}
          onChange={set("max_duration_seconds")}
          error={fields.max_duration_seconds}
        />
      </div>
      {chains.map((chain) => (
        <Field
          key={chain}
          label={chainWords[chain]}
          value={value(`chain ${chain}`, task.chains[chain]?.join(", "))}
          onChange={set(`chain ${chain}`)}
          placeholder="Inherited"
          hint="Names of plugins in their order, with commas."
          error={fields[`chains.${chain}`]}
        />
      ))}
      <Field label="Model" value={value("model", task.model)} onChange={set("model")} error={fields.model} />
      <Field
        label="Labels"
        value={value("labels", task.labels.join(", "))}
        onChange={set("labels")}
        error={fields.labels}
      />
      <Checkbox label="Commit the work after each turn" value={autoCommit} onChange={setAutoCommit} />
      <div>
        <Button
          type="submit"
          tone="primary"
          isDisabled={Object.keys(changed).length === 0 && autoCommit === task.auto_commit}
        >
          Save
        </Button>
      </div>
    </form>
  );
}
