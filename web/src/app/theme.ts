/** Light, dark, or what the system says. */
export type Theme = "light" | "dark" | "system";

const listeners = new Set<() => void>();

export function theme(): Theme {
  const kept = localStorage.getItem("theme");
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function setTheme(to: Theme): void {
  if (to === "system") {
    localStorage.removeItem("theme");
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem("theme", to);
    document.documentElement.dataset.theme = to;
  }
  for (const listener of listeners) listener();
}

export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
