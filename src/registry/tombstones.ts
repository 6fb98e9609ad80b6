/** The generations of instances that are gone: one that comes back has the next. */
import type { Learnt } from './signals.js';

export interface Tombstone {
  readonly generation: number;
  readonly learnt: Learnt;
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
  /** No id that was forgotten had a higher generation: no newcomer gets a lower one. */
  #floor = 0;

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
    this.#floor = Math.max(this.#floor, shed(this.#generations, this.#most) ?? 0);
  }

  get(id: string): Tombstone | undefined {
    const generation = this.#generations.get(id);
    return generation === undefined
      ? undefined
      : { generation, learnt: this.#learnt.get(id) ?? NOTHING };
  }

  /** Takes it out: the instance is back. Its last generation, or what none can have exceeded. */
  raise(id: string): Tombstone {
    const stone = this.get(id) ?? { generation: this.#floor, learnt: NOTHING };
    this.#generations.delete(id);
    this.#learnt.delete(id);
    return stone;
  }

  *[Symbol.iterator](): IterableIterator<[string, Tombstone]> {
    for (const id of this.#generations.keys()) yield [id, this.get(id) as Tombstone];
  }
}
