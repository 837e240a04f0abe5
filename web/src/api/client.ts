import createClient from "openapi-fetch";
import type { paths } from "./schema";
import type { Problem } from "./types";

/** The typed client of the server that the pages came from. */
export const client = createClient<paths>({ baseUrl: "" });

/** A refusal of the server, or that it could not be reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem | undefined;

  constructor(status: number, problem: Problem | undefined, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.problem = problem;
  }

  /** What is wrong with each field, by its name. */
  get fields(): Record<string, string> {
    return Object.fromEntries((this.problem?.errors ?? []).map((error) => [error.field, error.detail]));
  }
}

interface Outcome<T> {
  data?: T | undefined;
  error?: unknown;
  response: Response;
}

/** What a call answers, or an {@link ApiError} that says why it does not. */
export async function ask<T>(call: Promise<Outcome<T>>): Promise<T> {
  return (await askWithResponse(call)).data;
}

/** The same with the response, for its headers. */
export async function askWithResponse<T>(call: Promise<Outcome<T>>): Promise<{ data: T; response: Response }> {
  let outcome: Outcome<T>;
  try {
    outcome = await call;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError(0, undefined, "The server cannot be reached. Is it running?");
  }
  const { data, error, response } = outcome;
  if (response.ok) return { data: data as T, response };
  const problem = typeof error === "object" && error !== null ? (error as Problem) : undefined;
  throw new ApiError(
    response.status,
    problem,
    problem?.detail ?? problem?.title ?? `The server answered ${response.status}.`,
  );
}

/** A sentence about any failure. */
export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
