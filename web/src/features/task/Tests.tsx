import { useQuery } from "@tanstack/react-query";
import { Check, CircleDashed, X } from "lucide-react";
import { evidenceQuery } from "../../api/queries";
import type { TestRound } from "../../api/types";
import { Empty, Loaded } from "../../parts/States";
import css from "./task.module.css";

const looks = {
  passed: { icon: Check, tone: css.good },
  failed: { icon: X, tone: css.bad },
  pending: { icon: CircleDashed, tone: css.muted },
};

/** The rounds of tests, the last one first. */
export function Tests({ name }: { name: string }) {
  const evidence = useQuery(evidenceQuery(name));
  return (
    <Loaded query={evidence}>
      {({ tests }) =>
        tests.rounds.length === 0 ? (
          <Empty title="No tests were run">
            <p>{tests.note ?? "They run when the agent says that it is done."}</p>
          </Empty>
        ) : (
          <div className={css.pad}>
            {[...tests.rounds].reverse().map((round, index) => (
              <Round key={round.round} round={round} last={index === 0} />
            ))}
          </div>
        )
      }
    </Loaded>
  );
}

function Round({ round, last }: { round: TestRound; last: boolean }) {
  const { passed, failed, total } = round.summary;
  const order = { failed: 0, pending: 1, passed: 2 };
  const cases = [...round.cases].sort((a, b) => order[a.status] - order[b.status]);
  return (
    <details open={last}>
      <summary>
        <strong>Round {round.round}</strong> <span className={css.muted}>{round.runner}</span>{" "}
        <span className={round.passed ? css.good : css.bad}>
          {round.passed ? "passed" : "failed"}: {passed} of {total}
          {failed > 0 ? `, ${failed} failed` : ""}
        </span>
      </summary>
      <p className={css.muted}>{round.text}</p>
      <ul className={css.list}>
        {cases.map((one) => {
          const { icon: Icon, tone } = looks[one.status];
          return (
            <li key={one.id}>
              <span className={tone}>
                <Icon size={14} aria-hidden /> {one.status}
              </span>
              <span className={`${css.grow} ${css.mono}`}>{one.name}</span>
              <span className={css.muted}>
                {one.test_type}
                {one.duration_ms == null ? "" : `, ${one.duration_ms} ms`}
              </span>
              {one.output || one.test_code ? (
                <details style={{ flexBasis: "100%" }}>
                  <summary className={css.muted}>Output</summary>
                  <pre className={css.output} tabIndex={0}>
                    {one.output || one.test_code}
                  </pre>
                </details>
              ) : null}
            </li>
          );
        })}
      </ul>
    </details>
  );
}
