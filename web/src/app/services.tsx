import { QueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { ApiError } from "../api/client";
import { type Connection, Live } from "../api/live";

/** What the server told, for the whole page. Events keep it right, so that nothing is loaded again by the clock. */
export const cache = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Number.POSITIVE_INFINITY,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      networkMode: "always",
      retry: (count, error) => count < 3 && error instanceof ApiError && (error.status === 0 || error.status >= 500),
      retryDelay: (count) => Math.min(300 * 2 ** count, 3000),
    },
    mutations: { networkMode: "always" },
  },
});

/** The connection to what happens. */
export const live = new Live(cache);

export const useConnection = (): Connection => useSyncExternalStore(live.subscribe, live.state);

/** Hears the text that a task's agent is writing, while it is shown. */
export function useWatch(name: string): void {
  useEffect(() => live.watch(name), [name]);
}
