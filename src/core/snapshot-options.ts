/** Options in snapshots: those that are not the detector's own, which are given anew. */
import type { ResolvedOptions, WatchOptions } from './options.js';
import { checkObject } from './validate.js';

/** Options that differ from the detector's, and the model that a cohort of one's own is for. */
export function optionsUnlike(
  options: ResolvedOptions,
  defaults: ResolvedOptions,
): Record<string, unknown> | undefined {
  if (options === defaults) return undefined;
  const differs = (key: keyof ResolvedOptions) =>
    JSON.stringify(options[key]) !== JSON.stringify(defaults[key]);
  const entries = (Object.keys(options) as (keyof ResolvedOptions)[])
    .filter((key) => {
      if (key === 'model' && options.cohort !== '' && differs('cohort')) return true;
      if (key !== 'threshold') return differs(key);
      // It stands against a wish, and against the default of another model; a wish stands for it.
      const judged = differs('threshold') || differs('model') || differs('maxMistakesPerHour');
      return judged && options.maxMistakesPerHour === undefined;
    })
    .map((key) => [key, options[key] === Infinity ? null : options[key]]);
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

/** Options from a snapshot, to be resolved. */
export function givenOptions(
  name: string,
  options: Readonly<Record<string, unknown>> = {},
): WatchOptions {
  checkObject(name, options);
  const given = { ...options };
  if (given.maxSilence === null) given.maxSilence = Infinity;
  if (given.startupGrace === null) given.startupGrace = Infinity;
  return given;
}
