/** Settings for a network, from a trace of it. */
import { setImmediate as turn } from 'node:timers/promises';
import { type ModelName, modelNames } from '../../core/model/distributions.js';
import type { DetectorOptions } from '../../core/options.js';
import { checkOneOf, checkRange, checkType } from '../../core/validate.js';
import { type Arrivals, arrivalsOf, nominalInterval } from '../replay/arrivals.js';
import type { ReplayControls } from '../replay/replay.js';
import { warmUpOf } from '../replay/score.js';
import type { Trace } from '../traces/trace.js';
import { checkGoal, type TuneGoal } from './goal.js';
import { halves } from './halves.js';
import { leastShown, refusal, unproven } from './refusal.js';
import { type CurvePoint, Search, type Tuned } from './search.js';
import { families } from './settings.js';

/** What the settings of a model can do. */
export interface ModelCurve {
  readonly model: ModelName;
  /** What no other of its settings beats in both, by rising detection time. */
  readonly curve: readonly CurvePoint[];
}

/** The best that was found of a model. */
export interface TunedModel extends Tuned, ModelCurve {}

export interface TuneReport {
  readonly goal: TuneGoal;
  /** The settings that were chosen; undefined when none can be promised. */
  readonly chosen: Tuned | undefined;
  /** Why none can be, and what to do; undefined when there are. */
  readonly refusal: string | undefined;
  /** Where none can be: what may keep the wish, though this trace cannot show it. */
  readonly unproven: DetectorOptions | undefined;
  /** By rising detection time of what keeps the goal, then of what does not. */
  readonly models: readonly TunedModel[];
  /** Models of which no setting came near the goal. */
  readonly others: readonly ModelCurve[];
  /** In ms; estimated from the trace. */
  readonly heartbeatInterval: number;
  /** Of the whole trace. */
  readonly heartbeats: number;
  readonly sessions: number;
  /** Scored in each half. */
  readonly hours: readonly [number, number];
  /** Settings that were tried. */
  readonly tried: number;
}

export interface TuneControls extends ReplayControls {
  /** The models to choose from; by default all. */
  models?: readonly ModelName[];
}

/** What is scored of some sessions. */
const hoursOf = (sessions: readonly Arrivals[]): number =>
  sessions.reduce((ms, { at }) => ms + at[at.length - 1] - at[warmUpOf(at.length)], 0) / 3.6e6;

const faster = (a: Tuned, b: Tuned): number =>
  a.second.detectionTime.observed - b.second.detectionTime.observed;
const surer = (a: Tuned, b: Tuned): number =>
  a.second.mistakesPerHour.high - b.second.mistakesPerHour.high || faster(b, a);

const MS_BETWEEN_TURNS = 20;

/**
 * Searches models, thresholds, windows, floors and pauses for what keeps `goal` on this network.
 * Settings are chosen on the first half of the trace; the second shows whether they keep the goal,
 * with 95 % confidence. When the trace is too short to show that, or nothing keeps it, there is a
 * refusal that says so. A trace of 10⁵ heartbeats takes some ten seconds.
 *
 * @throws TypeError, RangeError for a goal or a trace that is none
 */
export async function tune(
  trace: Trace,
  goal: TuneGoal,
  { signal, onProgress, models: wanted = modelNames }: TuneControls = {},
): Promise<TuneReport> {
  checkGoal(goal);
  checkType('trace', 'a trace, as readTrace returns', trace, Array.isArray(trace?.sessions));
  const listed = Array.isArray(wanted) && wanted.length > 0;
  checkType('models', 'an array of names', wanted, listed);
  for (const model of wanted) checkOneOf('models', model, modelNames);
  signal?.throwIfAborted();
  const interval = nominalInterval(trace);
  const [first, second] = halves(trace).map(({ sessions }) =>
    sessions.map(arrivalsOf).filter(({ at }) => at.length > 1),
  );
  const { heartbeats } = trace;
  checkRange('trace', 'heartbeats that arrived in its first half', heartbeats, first.length > 0);
  checkRange('trace', 'heartbeats that arrived in its second half', heartbeats, second.length > 0);
  checkRange('trace', 'numbers and times that tell an interval', heartbeats, interval > 0);
  const all = families(interval, wanted);
  const steps = all.reduce((sum, { thresholds }) => sum + thresholds.length, 0);
  let done = 0;
  let rested = performance.now();
  // What is too short to show the wish is searched for what it can show.
  const least = 1.01 * Math.max(...[first, second].map((half) => leastShown(hoursOf(half))));
  const { maxMistakesPerHour: wish } = goal;
  const tooShort = wish !== undefined && wish < least;
  const shown = tooShort ? { ...goal, maxMistakesPerHour: least } : goal;
  const search = new Search(first, second, shown, async () => {
    onProgress?.(Math.min(++done, 2 * steps), 2 * steps);
    if (performance.now() - rested < MS_BETWEEN_TURNS) return;
    await turn();
    signal?.throwIfAborted();
    rested = performance.now();
  });
  for (const family of all) await search.sweep(family);
  const models: TunedModel[] = [];
  const others: ModelCurve[] = [];
  for (const model of new Set(all.map((family) => family.model))) {
    const tuned = await search.choose((family) => family.model === model);
    const kept = !tooShort && tuned?.kept === true;
    const curve = search.curve(model);
    if (tuned) models.push({ model, ...tuned, kept, curve });
    else others.push({ model, curve });
  }
  const better = wish === undefined ? surer : faster;
  models.sort((a, b) => +b.kept - +a.kept || better(a, b));
  onProgress?.(2 * steps, 2 * steps);
  const [best] = models;
  const chosen = best?.kept ? best : undefined;
  return {
    goal,
    chosen,
    refusal: chosen ? undefined : refusal(goal, search.hours, best),
    unproven: chosen ? undefined : unproven(goal, interval, best),
    models,
    others,
    heartbeatInterval: interval,
    heartbeats: trace.heartbeats,
    sessions: trace.sessions.length,
    hours: search.hours,
    tried: search.tried,
  };
}
