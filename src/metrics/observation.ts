/** What `collectMetrics` and `publishEvents` have in common: they can be ended. */

const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');

/** Something that observes a detector until it is stopped. */
export interface Observation {
  /** Lets go of the detector; stopping twice does no harm. */
  stop(): void;
  [Symbol.dispose](): void;
}

export const observation = (stop: () => void): Observation => ({ stop, [DISPOSE]: stop });
