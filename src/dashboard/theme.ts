/** Colours of the style sheet for what is drawn on a canvas, which knows no variables. */

export interface Theme {
  readonly ink: string;
  readonly muted: string;
  readonly grid: string;
  readonly curve: string;
  readonly bars: string;
  readonly warn: string;
  readonly bad: string;
}

export function theme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: colour('ink'),
    muted: colour('muted'),
    grid: colour('grid'),
    curve: colour('curve'),
    bars: colour('bars'),
    warn: colour('warn'),
    bad: colour('bad'),
  };
}

const FONT = '12px system-ui, sans-serif';

/** An axis with thin lines. */
export const axisOf = ({ muted, grid }: Theme) => ({
  stroke: muted,
  font: FONT,
  labelFont: FONT,
  grid: { stroke: grid, width: 1 },
  ticks: { stroke: grid, width: 1, size: 4 },
});

/** Whether the user asked for less motion: then nothing moves between frames. */
export const isStill = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches;
