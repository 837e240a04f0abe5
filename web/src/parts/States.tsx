import { CircleAlert, WifiOff } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError, sentence } from "../api/client";
import { Button } from "./Button";
import css from "./parts.module.css";

/** Nothing is there, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={css.state}>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** It could not be loaded: what happened, and another try. */
export function ErrorState({ error, again }: { error: unknown; again?: () => void }) {
  const offline = error instanceof ApiError && error.status === 0;
  return (
    <div className={css.state} role="alert">
      {offline ? <WifiOff aria-hidden /> : <CircleAlert aria-hidden />}
      <h2>{offline ? "No connection" : "This could not be loaded"}</h2>
      <p>{sentence(error)}</p>
      {again ? <Button onPress={again}>Try again</Button> : null}
    </div>
  );
}

/** What is shown while it loads. */
export function Skeleton() {
  return (
    <div className={css.skeleton} role="status" aria-label="Loading">
      <div className={css.bone} />
      <div className={css.bone} />
      <div className={css.bone} />
    </div>
  );
}

interface LoadedProps<T> {
  query: { data: T | undefined; error: unknown; refetch: () => unknown };
  children: (data: T) => ReactNode;
}

/** What was loaded, or why it was not. Data that is there already stays when a later load fails. */
export function Loaded<T>({ query, children }: LoadedProps<T>) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <ErrorState error={query.error} again={() => void query.refetch()} />;
  return <Skeleton />;
}
