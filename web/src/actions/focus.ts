/** Moves the focus to the next or previous task, question or row of the page. */
export function focusNext(step: 1 | -1): void {
  const stops = [...document.querySelectorAll<HTMLElement>("[data-stop]")].filter((stop) => stop.offsetParent !== null);
  if (stops.length === 0) return;
  const here = stops.findIndex((stop) => stop === document.activeElement || stop.contains(document.activeElement));
  const next = here < 0 ? (step === 1 ? 0 : stops.length - 1) : Math.min(stops.length - 1, Math.max(0, here + step));
  stops[next]?.focus();
  stops[next]?.scrollIntoView({ block: "nearest" });
}
