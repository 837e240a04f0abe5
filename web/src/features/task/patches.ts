/** Cuts a unified diff into the patches of its files, by the path after the change. */
export function patches(diff: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of diff.split(/^(?=diff --git )/m)) {
    const path = pathOf(part);
    if (path !== undefined) found.set(path, part);
  }
  return found;
}

function pathOf(patch: string): string | undefined {
  const after = /^\+\+\+ (?:"?b\/)(.+?)"?\t?$/m.exec(patch)?.[1];
  if (after !== undefined) return after;
  const before = /^--- (?:"?a\/)(.+?)"?\t?$/m.exec(patch)?.[1];
  return before ?? /^diff --git "?a\/.+? "?b\/(.+?)"?$/m.exec(patch)?.[1];
}
