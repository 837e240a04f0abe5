import { MultiFileDiff, PatchDiff } from "@pierre/diffs/react";
import { type ReactNode, useMemo, useSyncExternalStore } from "react";
import { onTheme, theme } from "../app/theme";

const themes = { light: "github-light-high-contrast", dark: "github-dark-high-contrast" } as const;

function useLook(split: boolean) {
  const chosen = useSyncExternalStore(onTheme, theme);
  return useMemo(
    () => ({
      theme: themes,
      themeType: chosen,
      diffStyle: split ? ("split" as const) : ("unified" as const),
      diffIndicators: "classic" as const,
      overflow: "scroll" as const,
    }),
    [chosen, split],
  );
}

/** The difference of two texts of one file. */
export function DiffView({ path, before, after }: { path: string; before: string; after: string }) {
  const look = useLook(false);
  const files = useMemo(
    () => ({ before: { name: path, contents: before }, after: { name: path, contents: after } }),
    [path, before, after],
  );
  return <MultiFileDiff oldFile={files.before} newFile={files.after} options={look} disableWorkerPool />;
}

/** A line of a file, before or after the change. */
export interface Line {
  side: "deletions" | "additions";
  line: number;
}

/** Something that stands under a line. */
export interface UnderLine extends Line {
  id: string;
}

interface PatchViewProps {
  /** The patch of one file. */
  patch: string;
  split: boolean;
  under: UnderLine[];
  renderUnder: (id: string) => ReactNode;
  onLine: (line: Line) => void;
}

/** The patch of a file, with something under some of its lines. */
export function PatchView({ patch, split, under, renderUnder, onLine }: PatchViewProps) {
  const look = useLook(split);
  const options = useMemo(
    () => ({
      ...look,
      disableFileHeader: true,
      lineHoverHighlight: "both" as const,
      onLineNumberClick: ({ lineNumber, annotationSide }: { lineNumber: number; annotationSide: Line["side"] }) =>
        onLine({ line: lineNumber, side: annotationSide }),
    }),
    [look, onLine],
  );
  const annotations = useMemo(
    () => under.map(({ side, line, id }) => ({ side, lineNumber: line, metadata: id })),
    [under],
  );
  return (
    <PatchDiff<string>
      patch={patch}
      options={options}
      lineAnnotations={annotations}
      renderAnnotation={({ metadata }) => renderUnder(metadata)}
      disableWorkerPool
    />
  );
}
