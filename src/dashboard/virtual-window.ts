/** Which rows of a long list have to exist, as rows of one height are scrolled. */

export interface Viewport {
  /** In CSS pixels, as are the others. */
  readonly scrollTop: number;
  readonly height: number;
  readonly rowHeight: number;
}

/** Rows `from`, inclusive, up to `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The rows in sight and `spare` more at either end, so that a small move needs no new ones. */
export function visible(
  { scrollTop, height, rowHeight }: Viewport,
  rows: number,
  spare = 4,
): Range {
  const within = (index: number) => Math.min(Math.max(index, 0), rows);
  const from = within(Math.floor(scrollTop / rowHeight) - spare);
  return { from, to: Math.max(from, within(Math.ceil((scrollTop + height) / rowHeight) + spare)) };
}

/** Where to scroll so that a row is wholly in sight: no further than it takes. */
export function reveal({ scrollTop, height, rowHeight }: Viewport, index: number): number {
  const top = index * rowHeight;
  if (top < scrollTop) return top;
  return Math.max(scrollTop, Math.min(top + rowHeight - height, top));
}
