import { X } from "lucide-react";
import { useSyncExternalStore } from "react";
import { sentence } from "../api/client";
import { IconButton } from "./Button";
import css from "./parts.module.css";

interface Toast {
  id: number;
  text: string;
  wrong: boolean;
}

const LIFE_MS = 6_000;
const AT_MOST = 4;

let toasts: Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

function change(to: Toast[]): void {
  toasts = to.slice(-AT_MOST);
  for (const listener of listeners) listener();
}

function drop(id: number): void {
  change(toasts.filter((toast) => toast.id !== id));
}

/** Tells something for a moment. What went wrong stays until it is closed. */
export function tell(text: string, wrong = false): void {
  const id = next++;
  change([...toasts, { id, text, wrong }]);
  if (!wrong) setTimeout(() => drop(id), LIFE_MS);
}

/** Does something and tells how it went; what it answers may hold a message of its own. */
export async function telling<T>(work: Promise<T>, said?: (result: T) => string): Promise<T | undefined> {
  try {
    const result = await work;
    if (said) tell(said(result));
    return result;
  } catch (error) {
    tell(sentence(error), true);
    return undefined;
  }
}

/** The toasts; one on the page. */
export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <section className={css.toasts} aria-label="Messages" aria-live="polite">
      {shown.map((toast) => (
        <div key={toast.id} className={css.toast} data-wrong={toast.wrong}>
          <p className={toast.wrong ? css.red : ""}>{toast.text}</p>
          <IconButton label="Close" icon={<X size={16} />} onPress={() => drop(toast.id)} />
        </div>
      ))}
    </section>
  );
}
