const number = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const money = new Intl.NumberFormat("en", {
  style: "currency",
  currency: "USD",
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const cents = new Intl.NumberFormat("en", {
  style: "currency",
  currency: "USD",
  minimumFractionDigits: 2,
  maximumFractionDigits: 4,
});
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** A whole number, grouped. */
export const grouped = (value: number): string => number.format(value);

/** A number in few characters: `12.3K`. */
export const short = (value: number): string => compact.format(value);

/** An amount of US dollars; more digits where it is less than a cent or so. */
export const dollars = (value: number): string => (value !== 0 && value < 0.1 ? cents : money).format(value);

/** Seconds as `42 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
  return `${Math.floor(whole / 3600)} h${Math.floor(whole / 60) % 60 ? ` ${Math.floor(whole / 60) % 60} min` : ""}`;
}

/** How long ago or ahead a time is, seen from now. */
export function ago(time: string, now: number): string {
  const seconds = Math.round((Date.parse(time) - now) / 1000);
  const size = Math.abs(seconds);
  if (size < 5) return "now";
  if (size < 60) return relative.format(seconds, "second");
  if (size < 3600) return relative.format(Math.trunc(seconds / 60), "minute");
  if (size < 86_400) return relative.format(Math.trunc(seconds / 3600), "hour");
  return relative.format(Math.trunc(seconds / 86_400), "day");
}

/** A time to the second, in the reader's zone. */
export const exactly = (time: string): string => exact.format(Date.parse(time));

/** The last part of a path. */
export const lastOf = (path: string): string => path.replace(/\/+$/, "").split("/").at(-1) ?? path;

/** A size in bytes, readable. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size < 10 && unit > 0 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}
