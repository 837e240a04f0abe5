import { useQuery } from "@tanstack/react-query";
import { Check, CircleHelp, X } from "lucide-react";
import { evidenceQuery } from "../../api/queries";
import { duration, grouped, short } from "../../parts/format";
import { Money, Time } from "../../parts/Shown";
import { Loaded } from "../../parts/States";
import css from "./task.module.css";

const verdicts: Record<string, { word: string; icon: typeof Check; tone: string | undefined }> = {
  met: { word: "met", icon: Check, tone: css.good },
  "not-met": { word: "not met", icon: X, tone: css.bad },
  unsure: { word: "unsure", icon: CircleHelp, tone: css.muted },
};

/** What was found about the criteria, and what it took. */
export function Evidence({ name }: { name: string }) {
  const evidence = useQuery(evidenceQuery(name));
  return (
    <Loaded query={evidence}>
      {(found) => (
        <div className={css.pad}>
          <dl className={css.evidenceFacts}>
            <Fact word="Changed">
              {grouped(found.diff_stat.files)} files{" "}
              <span className={css.good}>+{grouped(found.diff_stat.additions)}</span>{" "}
              <span className={css.bad}>−{grouped(found.diff_stat.deletions)}</span>
            </Fact>
            <Fact word="Turns">{grouped(found.iterations)}</Fact>
            <Fact word="Tokens">{short(found.tokens)}</Fact>
            <Fact word="Cost">
              <Money usd={found.cost_usd} />
            </Fact>
            <Fact word="Time">{duration(found.duration_seconds)}</Fact>
          </dl>
          <section>
            <h2>Criteria</h2>
            {found.criteria.length === 0 ? <p className={css.muted}>None were judged.</p> : null}
            <ul className={css.list}>
              {found.criteria.map((criterion) => {
                const {
                  word,
                  icon: Icon,
                  tone,
                } = verdicts[criterion.verdict] ?? {
                  word: criterion.verdict,
                  icon: CircleHelp,
                  tone: css.muted,
                };
                return (
                  <li key={criterion.id}>
                    <span className={tone}>
                      <Icon size={14} aria-hidden /> {word}
                    </span>
                    <div className={css.grow}>
                      {criterion.text}
                      <p className={css.muted}>{criterion.evidence}</p>
                    </div>
                  </li>
                );
              })}
            </ul>
          </section>
          <section>
            <h2>Commits</h2>
            {found.commits.length === 0 ? <p className={css.muted}>None yet.</p> : null}
            <ul className={css.list}>
              {found.commits.map((commit) => (
                <li key={commit.id}>
                  <span className={css.mono}>{commit.id.slice(0, 8)}</span>
                  <span className={css.grow}>{commit.subject}</span>
                  <span className={css.muted}>
                    {commit.files} files, <Time at={commit.at} />
                  </span>
                </li>
              ))}
            </ul>
          </section>
          <section>
            <h2>Decisions of plugins</h2>
            {found.decisions.length === 0 ? <p className={css.muted}>None yet.</p> : null}
            <ul className={css.list}>
              {found.decisions.map((decision) => (
                <li key={decision.id}>
                  <strong>
                    {decision.plugin} {decision.version}
                  </strong>
                  <span className={`${css.muted} ${css.grow}`}>
                    {decision.chain}, {decision.call}
                  </span>
                  <span className={css.muted}>
                    {decision.counted ? "counted, " : ""}
                    {(decision.duration_us / 1000).toFixed(1)} ms, <Time at={decision.at} />
                  </span>
                  <span className={`${css.full} ${css.mono} ${decision.error ? css.bad : ""}`}>
                    {decision.error ?? said(decision.answer)}
                  </span>
                </li>
              ))}
            </ul>
          </section>
        </div>
      )}
    </Loaded>
  );
}

function Fact({ word, children }: { word: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{word}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** The reason of an answer where it gives one, else the whole of it. */
function said(answer: unknown): string {
  const reason = (answer as { reason?: unknown } | null | undefined)?.reason;
  return typeof reason === "string" && reason !== "" ? reason : JSON.stringify(answer);
}
