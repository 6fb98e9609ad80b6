/** Worlds by chance: from a seed to nodes, links, options and faults. */
import type { LearnRule } from '../../core/options.js';
import { checkOneOf } from '../../core/validate.js';
import { GUARDS, type Guard, type SimulatedOptions } from './detector-port.js';
import type { Fault, NetworkQuality } from './faults.js';
import { FIELD_KINDS, type FieldKind } from './field/kinds.js';
import { Random } from './random.js';
import type { SimulateOptions } from './simulate-options.js';

export interface RandomScenarioOptions {
  /** Guards that the detectors have on. Default by chance, mostly all. */
  guards?: readonly Guard[];
  /** About so many heartbeats at most, floods aside. Default 200,000, of field worlds 50,000. */
  beats?: number;
  /**
   * True for a world after reports from the field, of a kind by chance, or the name of the kind: one
   * of `FIELD_KINDS`. Default false: worlds of all seeds are what they always were. With it guards
   * are on unless `guards` leaves them out.
   */
  field?: boolean | FieldKind;
}

const MINUTE = 60_000;
const FIELD = 0x5f1e1d;
const LEVELS = 0x1e7e15;
/** Many small worlds find more than a few large ones. */
const CALIBRATED = 0x1000009;
const MOST_BEATS = 200_000;
const FIELD_BEATS = 50_000;

/** Kinds of worlds: chaos alone would never let anything settle that can then be compared. */
const KINDS = ['chaos', 'outages', 'cadence', 'stalls', 'deaths', 'bursts'] as const;

/** A world by chance, the same one for the same seed: for {@link simulate}. */
export function randomScenario(seed: number, options: RandomScenarioOptions = {}): SimulateOptions {
  const { field = false } = options;
  if (field !== false) return fieldScenario(seed, field, options);
  const random = new Random(seed ^ 0x2545f491);
  const kind = random.pick(KINDS);
  const nodes = 1 + random.below(random.next() < 0.2 ? 100 : 15);
  const observers = 1 + random.below(3);
  const base = random.pick([50, 200, 1000, 1000, 1000, 3000, 10_000]);
  const mixed = random.next() < 0.3;
  const interval = Array.from({ length: nodes }, () =>
    mixed ? Math.round(base * random.between(0.5, 3)) : base,
  );
  const perLink = (options.beats ?? MOST_BEATS) / (nodes * observers);
  const most = perLink * base;
  const duration = Math.round(Math.min(Math.max(600 * base, 10 * MINUTE), most));
  const detector = detectorBy(random, base);
  // By a chance of its own: the worlds of all other seeds stay what they were.
  if (new Random(seed ^ CALIBRATED).next() < 0.15) detector.model = 'calibrated';
  const share = random.pick([1, 1, 0.5, 0]);
  for (const guard of GUARDS) {
    const chosen = random.next() < share;
    if (!(options.guards?.includes(guard) ?? chosen)) detector[guard] = false;
  }
  const author = new Author(random, nodes, observers, base, duration, perLink);
  return {
    seed,
    nodes,
    observers,
    duration,
    interval: mixed ? interval : base,
    jitter: random.pick([0, 0.01, 0.02, 0.1]),
    network: networkBy(random, base, kind === 'chaos' && random.next() < 0.5),
    faults: author.write(kind),
    detector,
  };
}

function fieldScenario(
  seed: number,
  field: true | FieldKind,
  { guards = GUARDS, beats = FIELD_BEATS }: RandomScenarioOptions,
): SimulateOptions {
  const random = new Random(seed ^ FIELD);
  const kinds = Object.keys(FIELD_KINDS) as FieldKind[];
  const kind = field === true ? random.pick(kinds) : checkOneOf('field', field, kinds);
  const { detector, ...world } = FIELD_KINDS[kind]({ random, beats });
  const levels = levelsBy(new Random(seed ^ LEVELS), world.interval);
  const off = GUARDS.filter((guard) => !guards.includes(guard)).map((guard) => [guard, false]);
  return { seed, ...world, detector: { ...levels, ...detector, ...Object.fromEntries(off) } };
}

/** Levels by silence, and by φ beside them, for about half of the worlds. */
function levelsBy(random: Random, interval: SimulateOptions['interval']): SimulatedOptions {
  if (random.next() < 0.5) return {};
  const base = typeof interval === 'number' ? interval : 1000;
  const page = { silence: base * random.pick([0.5, 2, 10, 60]) * random.between(0.7, 1.5) };
  const lost = { silence: page.silence * random.pick([1, 1.01, 5]) };
  const dead = { phi: random.pick([1, 8, 20]), silence: 30 * base };
  const sets: NonNullable<SimulatedOptions['levels']>[] = [
    { page },
    { slow: 1, page, lost },
    { page, dead, critical: 4 },
  ];
  return { levels: random.pick(sets) };
}

function detectorBy(random: Random, base: number): SimulatedOptions {
  const detector: SimulatedOptions = {};
  if (base !== 1000 && random.next() < 0.7) detector.heartbeatInterval = base;
  if (random.next() < 0.3) detector.levels = { slow: 1, critical: 3, dead: 20 };
  if (random.next() < 0.2) detector.recoverAfter = 2 + random.below(3);
  if (random.next() < 0.2) detector.windowSize = random.pick([10, 100, 200]);
  if (random.next() < 0.2) detector.threshold = random.pick([5, 10, 12]);
  if (random.next() < 0.2) detector.model = random.pick(['logistic', 'exponential'] as const);
  if (random.next() < 0.1) detector.acceptablePause = base;
  if (random.next() < 0.1) detector.maxSilence = 8 * base;
  const rules: readonly LearnRule[] = ['always', 'while-available'];
  if (random.next() < 0.1) detector.learn = random.pick(rules);
  return detector;
}

function networkBy(random: Random, base: number, bad: boolean): NetworkQuality {
  const network: NetworkQuality = {
    delay: random.between(0, 0.05 * base),
    jitter: random.between(0, 0.1 * base),
  };
  if (!bad) return network;
  network.loss = random.between(0, 0.1);
  network.duplicate = random.between(0, 0.1);
  network.reorder = random.between(0, 0.05);
  return network;
}

/** Writes faults. */
class Author {
  readonly #random: Random;
  readonly #nodes: number;
  readonly #observers: number;
  /** The common interval of heartbeats, in ms. */
  readonly #base: number;
  readonly #duration: number;
  /** Heartbeats that there may be, to each observer. */
  readonly #perLink: number;
  readonly #faults: Fault[] = [];

  constructor(
    random: Random,
    nodes: number,
    observers: number,
    base: number,
    duration: number,
    perLink: number,
  ) {
    this.#perLink = perLink;
    this.#random = random;
    this.#nodes = nodes;
    this.#observers = observers;
    this.#base = base;
    this.#duration = duration;
  }

  write(kind: (typeof KINDS)[number]): readonly Fault[] {
    const random = this.#random;
    if (random.next() < 0.2) this.#add({ at: 0, fault: 'crash', nodes: this.#some() });
    if (kind === 'chaos') this.#chaos();
    else if (kind === 'outages') this.#outages();
    else if (kind === 'cadence') this.#cadence();
    else if (kind === 'stalls') this.#stalls();
    else if (kind === 'bursts') this.#bursts();
    // Somebody always dies in the end, when there was time to settle.
    const at = this.#duration - 40 * this.#base;
    if (at > 0) this.#add({ at, fault: 'crash', nodes: this.#some() });
    return this.#faults.sort((a, b) => a.at - b.at);
  }

  #add(fault: Fault): void {
    this.#faults.push(fault);
  }

  #time(): number {
    return Math.round(this.#random.next() * this.#duration);
  }

  #some(): number[] {
    const share = this.#random.pick([0.1, 0.3, 1]);
    const all = Array.from({ length: this.#nodes }, (_, i) => i);
    const some = all.filter(() => this.#random.next() < share);
    return some.length > 0 ? some : [this.#random.below(this.#nodes)];
  }

  #observer(): number {
    return this.#random.below(this.#observers);
  }

  /** Anything from a tenth of an interval to a minute or a hundred of them. */
  #span(): number {
    const least = 0.1 * this.#base;
    const most = Math.max(MINUTE, 100 * this.#base);
    return Math.round(least * (most / least) ** this.#random.next());
  }

  #chaos(): void {
    const random = this.#random;
    const count = 1 + random.below(40);
    const most = Math.min(1000, this.#perLink / 5);
    for (let i = 0; i < count; i++) {
      const at = this.#time();
      const nodes = this.#some();
      const observers = this.#observer();
      const duration = this.#span();
      const queued = random.next() < 0.3;
      const known = random.next() < 0.3;
      const burst = random.pick([0, 1, 1, 10, 300]);
      const gap = random.pick([0, 0.05, 1, 0.02 * this.#base]);
      const interval = Math.round(this.#base * random.pick([0.1, 0.5, 1, 2, 10]));
      const by = random.between(-1e7, 1e7);
      const loss = random.between(0, 0.5);
      const faults: readonly Fault[] = [
        { at, fault: 'crash', nodes },
        { at, fault: 'restart', nodes },
        { at, fault: 'freeze', nodes, duration, burst },
        { at, fault: 'flood', nodes, count: 1 + random.below(most), gap },
        { at, fault: 'cadence', nodes, interval },
        { at, fault: 'clock-step', nodes, by },
        { at, fault: 'network', nodes, observers, duration, loss },
        { at, fault: 'network', nodes, observers, duration, duplicate: loss, reorder: loss / 5 },
        { at, fault: 'partition', nodes, observers, duration, queued },
        { at, fault: 'outage', observers, duration, queued, known },
        { at, fault: 'stall', observers, duration: Math.min(duration, MINUTE) },
      ];
      const fault = random.pick(faults);
      this.#add(fault);
      if (fault.fault === 'crash' && random.next() < 0.7) {
        this.#add({ at: at + duration, fault: 'restart', nodes });
      }
    }
  }

  /** Each one alone, with time to settle before and after. */
  #outages(): void {
    const random = this.#random;
    for (let at = 40 * this.#base; at < this.#duration; at += 60 * this.#base) {
      const duration = random.pick([5, 12, 60, 300]) * random.pick([1000, this.#base]);
      const queued = random.next() < 0.3;
      const known = random.next() < 0.3;
      const nodes = this.#some();
      const burst = random.pick([0, 1, 100]);
      this.#add(
        random.pick<Fault>([
          { at, fault: 'outage', duration, queued, known },
          { at, fault: 'partition', nodes, duration, queued },
          { at, fault: 'freeze', nodes, duration, burst },
        ]),
      );
      at += duration;
    }
  }

  #cadence(): void {
    const random = this.#random;
    let slow = false;
    const nodes = this.#some();
    for (let at = 60 * this.#base; at < this.#duration; at += 120 * this.#base) {
      slow = !slow;
      const interval = slow ? this.#base * random.pick([1.5, 2, 3, 10, 30]) : this.#base;
      this.#add({ at, fault: 'cadence', nodes, interval });
    }
  }

  #stalls(): void {
    for (let at = 30 * this.#base; at < this.#duration; at += 40 * this.#base) {
      const duration = this.#span();
      this.#add({ at, fault: 'stall', observers: this.#observer(), duration });
      at += duration;
    }
  }

  #bursts(): void {
    const random = this.#random;
    const floods = Math.min(Math.ceil(this.#perLink / 1000), 20);
    const step = Math.max(40 * this.#base, this.#duration / floods);
    for (let at = 30 * this.#base; at < this.#duration; at += step) {
      const gap = random.pick([0, 0.05, 0.05, 0.2]);
      this.#add({ at, fault: 'flood', nodes: this.#some(), count: 1000, gap });
    }
  }
}
