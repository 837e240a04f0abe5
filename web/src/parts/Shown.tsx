import { useSyncExternalStore } from "react";
import { ago, dollars, duration, exactly } from "./format";

let now = Date.now();
const listeners = new Set<() => void>();
let clock: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  clock ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, 10_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(clock);
      clock = undefined;
    }
  };
}

/** The time, to ten seconds: one clock for the whole page. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** When something was, relative, with the exact time on hover. */
export function Time({ at }: { at: string }) {
  const current = useNow();
  return (
    <time dateTime={at} title={exactly(at)}>
      {ago(at, Math.max(current, Date.now() - 10_000))}
    </time>
  );
}

/** An amount of money. */
export function Money({ usd }: { usd: number }) {
  return <span title={`US$ ${usd}`}>{dollars(usd)}</span>;
}

/** How long something took. */
export function Took({ seconds }: { seconds: number }) {
  return <span title={`${seconds} seconds`}>{duration(seconds)}</span>;
}
