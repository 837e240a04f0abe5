import { type Column, columns } from "./columns";

/** What the address says about the board. */
export interface BoardSearch {
  view?: "list";
  q?: string;
  project?: string;
  user?: string;
  status?: Column;
  sort?: string;
}

const text = (value: unknown): string | undefined =>
  typeof value === "string" || typeof value === "number" ? String(value) : undefined;

/** Reads the address; what makes no sense is left out. */
export function readBoardSearch(search: Record<string, unknown>): BoardSearch {
  const read: BoardSearch = {};
  if (search.view === "list") read.view = "list";
  for (const name of ["q", "project", "user", "sort"] as const) {
    const value = text(search[name]);
    if (value) read[name] = value;
  }
  const status = columns.find((column) => column === search.status);
  if (status) read.status = status;
  return read;
}
