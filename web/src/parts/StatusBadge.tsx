import {
  CheckCheck,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CirclePause,
  CircleStop,
  CircleX,
  FlaskConical,
  Hourglass,
  LoaderCircle,
  type LucideIcon,
} from "lucide-react";
import type { Status } from "../api/types";
import css from "./parts.module.css";

type Shown = Status | "NEEDS_YOU";

const looks: Record<Shown, { word: string; tone: string; icon: LucideIcon; spins?: boolean }> = {
  PENDING: { word: "To do", tone: "grey", icon: CircleDashed },
  RUNNING: { word: "Running", tone: "blue", icon: LoaderCircle, spins: true },
  NEEDS_YOU: { word: "Needs you", tone: "amber", icon: CircleAlert },
  PAUSED: { word: "Paused", tone: "amber", icon: CirclePause },
  STOPPED: { word: "Stopped", tone: "grey", icon: CircleStop },
  TESTING: { word: "Testing", tone: "violet", icon: FlaskConical },
  COMPLETED: { word: "Completed", tone: "green", icon: CircleCheck },
  FINISHED: { word: "Finished", tone: "green", icon: CheckCheck },
  FAILED: { word: "Failed", tone: "red", icon: CircleX },
  EXHAUSTED: { word: "Exhausted", tone: "red", icon: Hourglass },
};

/** The word for a status. */
export const statusWord = (status: Shown): string => looks[status].word;

/** A status by colour, icon and word. */
export function StatusBadge({ status }: { status: Shown }) {
  const { word, tone, icon: Icon, spins } = looks[status];
  return (
    <span className={`${css.badge} ${css[tone]}`}>
      <Icon size={14} aria-hidden className={spins ? css.spin : ""} />
      {word}
    </span>
  );
}
