/** Deep checks: made in the background, answered from what is known. */
import { Emitter, Events, type ListenerError } from '../core/emitter.js';
import type { Clock } from '../core/settings.js';
import { checkKeys, checkNumber, checkRange, checkType } from '../core/validate.js';
import {
  type Answer,
  aboutOthers,
  type Check,
  type CheckResult,
  isAboutOthers,
  isCritical,
  readable,
  thrown,
} from './check.js';
import { Periodic, type PeriodicTask, type Run, type State } from './periodic.js';
import { resolveSchedule, SCHEDULE_KEYS, type ScheduleOptions } from './schedule.js';

/** One run of a deep check that is over. */
export interface DeepRun {
  /** When it ended, in ms of the producer's clock. */
  readonly at: number;
  /** In ms. */
  readonly duration: number;
  /** False for runs that could not be made, and so decided nothing, as well. */
  readonly ok: boolean;
  /** It could not be made: counts neither as a pass nor as a failure. */
  readonly undecided: boolean;
  readonly reason?: string;
  readonly figures?: Readonly<Record<string, number>>;
}

/**
 * A check for `health.add` that answers at once from the last settled state, and never asks
 * anybody itself. It fails until it is up for the first time.
 */
export interface DeepCheck {
  (signal?: AbortSignal): CheckResult;
  readonly state: State;
  /** The last runs, newest last; so many as option `history` says. */
  readonly runs: readonly DeepRun[];
  /** Runs no more; the state stays what it is. */
  close(): void;
}

/** A deep check ran. */
export interface DeepRunEvent extends DeepRun {
  readonly check: DeepCheck;
}

/** The state of a deep check changed. */
export interface DeepStateEvent {
  readonly check: DeepCheck;
  readonly from: State;
  readonly to: State;
  readonly at: number;
  readonly reason?: string;
}

export interface ProducerEvents {
  run: DeepRunEvent;
  state: DeepStateEvent;
  error: ListenerError;
}

export interface ProducerOptions {
  /** The time, in ms, and its timers. Default the platform's. */
  clock?: Clock;
  /** The most checks that run at once. Default 8; from 1 to 100,000. */
  concurrency?: number;
  /** So long after it was made, in ms, no check runs: the start-up grace. Default 0. */
  grace?: number;
  /** In [0, 1), for the jitter. Default `Math.random`. */
  random?: () => number;
  /** Closes it when it is aborted. */
  signal?: AbortSignal;
}

const KEYS = ['clock', 'concurrency', 'grace', 'random', 'signal'];

/** Makes deep checks in the background, on one schedule with one cap. */
export class Producer extends Emitter<ProducerEvents> {
  readonly #periodic: Periodic;
  readonly #graceUntil: number;
  readonly #deep = new Map<Check, { check: DeepCheck; schedule: string }>();
  readonly #events: Events<ProducerEvents>;

  /** @throws TypeError, RangeError with the option's name */
  constructor(options: ProducerOptions = {}) {
    const { grace = 0, ...rest } = checkKeys('options', options, KEYS);
    const periodic = new Periodic(rest);
    const events = new Events<ProducerEvents>();
    super(events);
    this.#events = events;
    this.#periodic = periodic;
    this.#graceUntil =
      this.#periodic.now() + checkNumber('grace', grace, { least: 0, most: 1e9, unit: 'ms' });
  }

  /**
   * The deep check that runs `check`. The same check again gives the same deep check, so that what
   * several depend on is asked once an interval for all of them.
   *
   * @throws TypeError, RangeError with the option's name; a RangeError too if the same check is
   *   there with another schedule
   */
  deepCheck(check: Check, options: ScheduleOptions = {}): DeepCheck {
    checkType('check', 'a function', check, typeof check === 'function');
    const schedule = resolveSchedule(checkKeys('options', options, SCHEDULE_KEYS));
    const key = JSON.stringify(schedule);
    const shared = this.#deep.get(check);
    if (shared !== undefined) {
      const expected = 'the schedule that this check has already';
      checkRange('options', expected, key, shared.schedule === key);
      return shared.check;
    }
    const grace = Math.max(this.#graceUntil - this.#periodic.now(), 0);
    const initialDelay = Math.max(schedule.initialDelay, grace);
    const deep = this.#produce(check, { ...schedule, initialDelay });
    this.#deep.set(check, { check: deep, schedule: key });
    return deep;
  }

  /** Ends all its checks; their states stay what they are. */
  close(): void {
    this.#periodic.close();
    this.#deep.clear();
  }

  #produce(check: Check, schedule: ReturnType<typeof resolveSchedule>): DeepCheck {
    let before: State = 'unknown';
    /** Of the last run that counted for the state that it is in. */
    let result: CheckResult = { ok: false, reason: 'not checked yet' };
    const onRun = (run: Run<Answer>, task: PeriodicTask<Answer>) => {
      const said = deepRunOf(run);
      const to = task.state;
      if (run.decision === 'pass' ? to === 'up' : run.decision === 'fail' && to !== 'up') {
        const { ok, reason, figures } = said;
        result = { ok, reason, ...(run.value?.degraded && { degraded: true }), figures };
      }
      this.#events.post('run', { check: deep, ...said });
      if (to !== before) {
        const { at, reason } = said;
        this.#events.post('state', { check: deep, from: before, to, at, reason });
      }
      before = to;
      this.#events.flush();
    };
    const passes = ({ ok }: Answer) => ok;
    const task = this.#periodic.add<Answer>({ run: readable(check), passes, onRun }, schedule);
    const answer = (): CheckResult => {
      const last = task.runs.at(-1);
      if (last === undefined) return result;
      // Of what a state says, how old it is says how far to believe it.
      const age = Math.round(this.#periodic.now() - last.at);
      return { ...result, figures: { ...result.figures, age, failures: task.failures } };
    };
    const deep = Object.defineProperties(answer as DeepCheck, {
      state: { get: () => task.state },
      runs: { get: () => task.runs.map(deepRunOf) },
      close: {
        value: () => {
          task.remove();
          if (this.#deep.get(check)?.check === deep) this.#deep.delete(check);
        },
      },
    });
    if (!isAboutOthers(check)) return deep;
    return aboutOthers(deep as Check & DeepCheck, isCritical(check));
  }
}

function deepRunOf(run: Run<Answer>): DeepRun {
  const { at, duration, decision, value } = run;
  // Without a value it threw, or its time was up; undefined may be what was thrown.
  const { ok, reason, figures } = value ?? thrown(run.error);
  return { at, duration, ok, undecided: decision === 'undecided', reason, figures };
}

/** Not a variable: the build makes constants of all at the top of a module. */
const common: { producer?: Producer } = {};

/**
 * A deep check of one producer that the whole process shares: 8 at once, no start-up grace. For
 * another cap, a grace or a clock, make a {@link Producer}.
 *
 * @throws TypeError, RangeError with the option's name
 */
export function deepCheck(check: Check, options: ScheduleOptions = {}): DeepCheck {
  common.producer ??= new Producer();
  return common.producer.deepCheck(check, options);
}
