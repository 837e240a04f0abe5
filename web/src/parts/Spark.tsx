/** A small bar chart of how busy something was; for the eye alone. */
export function Spark({ beats, className }: { beats: number[]; className?: string | undefined }) {
  const most = Math.max(1, ...beats);
  const width = 3;
  return (
    <svg className={className} viewBox={`0 0 ${beats.length * width} 14`} preserveAspectRatio="none" aria-hidden="true">
      {beats.map((beat, index) => {
        const height = beat === 0 ? 1 : 2 + (beat / most) * 12;
        // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place.
        return <rect key={index} x={index * width} y={14 - height} width={2} height={height} fill="currentColor" />;
      })}
    </svg>
  );
}
