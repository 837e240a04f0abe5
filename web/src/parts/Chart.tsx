import { useEffect, useRef, useSyncExternalStore } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { onTheme, theme } from "../app/theme";
import css from "../features/pages.module.css";

const HEIGHT = 220;

interface Props {
  label: string;
  days: string[];
  values: number[];
}

/** Bars by day, for the eye; the table beside it has the same for everyone. */
export function Chart({ label, days, values }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const chosen = useSyncExternalStore(onTheme, theme);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme draws it anew.
  useEffect(() => {
    const holder = place.current;
    if (!holder) return;
    const style = getComputedStyle(document.documentElement);
    const [text, line, accent] = ["--muted", "--line", "--accent"].map((name) => style.getPropertyValue(name));
    const axis = { stroke: text ?? "", grid: { stroke: line ?? "", width: 1 }, ticks: { stroke: line ?? "" } };
    const bars = uPlot.paths.bars?.({ size: [0.6, 40] });
    const plot = new uPlot(
      {
        width: holder.clientWidth,
        height: HEIGHT,
        cursor: { show: false },
        legend: { show: false },
        scales: { y: { range: (_, __, most) => [0, Math.max(most * 1.1, 0.01)] } },
        axes: [axis, axis],
        series: [{}, { label, stroke: accent ?? "", fill: accent ?? "", ...(bars ? { paths: bars } : {}) }],
      },
      [days.map((day) => Date.parse(day) / 1000), values],
      holder,
    );
    // Only the width of the page counts: the chart must not answer to its own growth.
    const observer = new ResizeObserver(() => {
      if (holder.clientWidth !== plot.width) plot.setSize({ width: holder.clientWidth, height: HEIGHT });
    });
    observer.observe(holder);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [label, days, values, chosen]);
  return <div ref={place} className={css.chart} role="img" aria-label={`${label}; the table below has the same`} />;
}
