/** What a tool call changes in a file, where its input tells. */
export interface ToolDiff {
  path: string;
  before: string;
  after: string;
}

/** Reads the input of the tools that edit files; others change none. */
export function toolDiff(name: string, input: unknown): ToolDiff | undefined {
  if (typeof input !== "object" || input === null) return undefined;
  const fields = input as Record<string, unknown>;
  const path = fields.file_path ?? fields.path;
  if (typeof path !== "string") return undefined;
  if (name === "Write" && typeof fields.content === "string") return { path, before: "", after: fields.content };
  if (name === "Edit") return { path, before: String(fields.old_string ?? ""), after: String(fields.new_string ?? "") };
  if (name === "MultiEdit" && Array.isArray(fields.edits)) {
    const edits = fields.edits as { old_string?: string; new_string?: string }[];
    const join = (pick: (edit: (typeof edits)[number]) => string | undefined) =>
      edits.map((edit) => pick(edit) ?? "").join("\n");
    return { path, before: join((edit) => edit.old_string), after: join((edit) => edit.new_string) };
  }
  return undefined;
}
