/** What outlasts an instance: the last generation of its id, what was learnt of it, and an operator's drain. */
import type { Learnt } from './signals.js';

export interface Tombstone {
  readonly generation: number;
  readonly learnt: Learnt;
}

/** Of all ids. */
export interface Generations {
  /** None that is higher was given so far. */
  readonly given: number;
  /** No id that is forgotten had a higher one: all that are given from now on are higher. */
  readonly forgotten: number;
}

const NOTHING: Learnt = {};
/** Windows are a hundred times as large as generations: those of so many are kept. */
const WINDOWS = 1000;

/** Takes the oldest entry out of a map that has more than `most`. */
function shed<V>(map: Map<string, V>, most: number): V | undefined {
  if (map.size <= most) return undefined;
  const [oldest, value] = map.entries().next().value as [string, V];
  map.delete(oldest);
  return value;
}

export class Tombstones {
  readonly #most: number;
  /** The oldest first. */
  readonly #generations = new Map<string, number>();
  readonly #learnt = new Map<string, Learnt>();
  /** No id that was forgotten had a higher generation. */
  #forgotten = 0;
  /** The highest generation of any id. */
  #given = 0;

  /** @param most that are remembered */
  constructor(most: number) {
    this.#most = most;
  }

  bury(id: string, generation: number, learnt: Learnt): void {
    this.#generations.delete(id);
    this.#generations.set(id, generation);
    this.#learnt.delete(id);
    if (Object.keys(learnt).length > 0) this.#learnt.set(id, learnt);
    shed(this.#learnt, WINDOWS);
    this.given(generation);
    this.#forgotten = Math.max(this.#forgotten, shed(this.#generations, this.#most) ?? 0);
  }

  get(id: string): Tombstone | undefined {
    const generation = this.#generations.get(id);
    return generation === undefined
      ? undefined
      : { generation, learnt: this.#learnt.get(id) ?? NOTHING };
  }

  /** Takes it out: the instance is back. */
  raise(id: string): Tombstone {
    const stone = this.get(id) ?? { generation: 0, learnt: NOTHING };
    this.#generations.delete(id);
    this.#learnt.delete(id);
    return stone;
  }

  ids(): IterableIterator<string> {
    return this.#generations.keys();
  }

  /** The next generation of an id that had `last`: whoever was forgotten had none that is higher. */
  next(last: number): number {
    const next = Math.max(last, this.#forgotten) + 1;
    this.given(next);
    return next;
  }

  /** Notes that an id has it. */
  given(generation: number): void {
    this.#given = Math.max(this.#given, generation);
  }

  /** From now on only higher ones are given. */
  raiseTo(generation: number): void {
    this.#forgotten = Math.max(this.#forgotten, generation);
  }

  get generations(): Generations {
    return { given: Math.max(this.#given, this.#forgotten), forgotten: this.#forgotten };
  }
}

/** Who asked that an instance gets no traffic. */
export type DrainedBy = 'node' | 'operator';

/**
 * The ids that an operator has drained. That belongs to the id and not to its present incarnation: a
 * process that comes back under it gets no traffic before the operator says so.
 */
export class Drains {
  readonly #most: number;
  readonly #ids = new Set<string>();

  /** @param most that are remembered; the oldest is forgotten first */
  constructor(most: number) {
    this.#most = most;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Drains the id, or takes that back; returns whether it was otherwise. */
  set(id: string, drained: boolean): boolean {
    if (!drained) return this.#ids.delete(id);
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > this.#most) this.#ids.delete(oldest);
    return true;
  }
}
