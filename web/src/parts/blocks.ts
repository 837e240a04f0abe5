/** Cuts markdown where one block ends for certain: at a blank line that is in no code block and before no list. */
export function blocks(text: string): string[] {
  const found: string[] = [];
  let current: string[] = [];
  let fence: string | undefined;
  let blank = false;
  for (const line of text.split("\n")) {
    const mark = /^\s{0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (blank && fence === undefined && !/^(\s|[-*+] |\d+[.)] )/.test(line) && line !== "") {
      found.push(current.join("\n"));
      current = [];
    }
    if (mark && fence === undefined) fence = mark;
    else if (mark && fence !== undefined && mark.startsWith(fence)) fence = undefined;
    blank = line.trim() === "";
    current.push(line);
  }
  if (current.length > 0) found.push(current.join("\n"));
  return found;
}
