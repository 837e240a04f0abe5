import { useSyncExternalStore } from "react";

const narrow = matchMedia("(max-width: 760px)");

/** Whether the screen is that of a phone. */
export function useNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      narrow.addEventListener("change", listener);
      return () => narrow.removeEventListener("change", listener);
    },
    () => narrow.matches,
  );
}
