import css from "./parts.module.css";

const apple = /Mac|iPhone|iPad/.test(globalThis.navigator?.userAgent ?? "");
const signs: Record<string, string> = {
  mod: apple ? "⌘" : "Ctrl",
  shift: apple ? "⇧" : "Shift",
  alt: apple ? "⌥" : "Alt",
  enter: "↵",
  escape: "Esc",
  arrowup: "↑",
  arrowdown: "↓",
};

/** A key of the registry, such as `g b` or `mod+enter`, as people write it. */
export function keyText(keys: string): string {
  return keys
    .split(" ")
    .map((key) =>
      key
        .split("+")
        .map((part) => signs[part] ?? part.toUpperCase())
        .join(apple ? "" : "+"),
    )
    .join(" ");
}

/** A key. */
export function Kbd({ keys }: { keys: string }) {
  return <kbd className={css.kbd}>{keyText(keys)}</kbd>;
}
