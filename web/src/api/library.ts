import { queryOptions } from "@tanstack/react-query";
import { ask, client } from "./client";
import type { components } from "./schema";

export type Project = components["schemas"]["Project"];
export type ProjectConfig = components["schemas"]["ProjectConfig"];
export type Prompt = components["schemas"]["Prompt"];
export type PluginView = components["schemas"]["PluginView"];
export type Usage = components["schemas"]["Usage"];

/** No events tell of these, so they are asked for again when a page shows them anew. */
const staleTime = 5_000;

export const projectsQuery = queryOptions({
  queryKey: ["projects"],
  staleTime,
  queryFn: ({ signal }) => ask(client.GET("/api/v1/projects", { params: { query: { limit: 500 } }, signal })),
});

export const promptsQuery = queryOptions({
  queryKey: ["prompts"],
  staleTime,
  queryFn: ({ signal }) => ask(client.GET("/api/v1/prompts", { params: { query: { limit: 500 } }, signal })),
});

export const pluginsQuery = queryOptions({
  queryKey: ["plugins"],
  staleTime,
  queryFn: ({ signal }) => ask(client.GET("/api/v1/plugins", { signal })),
});

/** What was used since the beginning of a day. */
export const usageQuery = (since: string) =>
  queryOptions({
    queryKey: ["usage", since],
    staleTime,
    queryFn: ({ signal }) =>
      ask(client.GET("/api/v1/usage", { params: { query: { since: `${since}T00:00:00Z` } }, signal })),
  });

/** The folders inside a folder; empty for the first root. */
export const foldersQuery = (path: string) =>
  queryOptions({
    queryKey: ["folders", path],
    staleTime,
    queryFn: ({ signal }) =>
      ask(client.GET("/api/v1/browse-directories", { params: { query: path ? { path } : {} }, signal })),
  });

export const branchesQuery = (path: string) =>
  queryOptions({
    queryKey: ["branches", path],
    staleTime,
    retry: false,
    queryFn: ({ signal }) => ask(client.GET("/api/v1/git-branches", { params: { query: { path } }, signal })),
  });
