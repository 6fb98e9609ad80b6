/** The links from every node to every observer: delay, loss, and who cannot hear whom. */
import type { NetworkQuality } from './faults.js';
import type { Random } from './random.js';

export type ResolvedQuality = Readonly<Required<NetworkQuality>>;

export const QUALITY: ResolvedQuality = { delay: 1, jitter: 1, loss: 0, duplicate: 0, reorder: 0 };

/** What becomes of the heartbeats that a link carries. */
export interface Carriage {
  /** A copy reaches the observer after `delay` ms. */
  deliver(link: number, incarnation: number, sequence: number, delay: number): void;
  /** It never does. */
  lose(link: number): void;
  /** It comes twice, or after later ones. */
  garble(link: number): void;
}

interface Held {
  readonly incarnation: number;
  readonly sequence: number;
}

export class Network {
  readonly #random: Random;
  readonly #carriage: Carriage;
  readonly #base: ResolvedQuality;
  readonly #quality: ResolvedQuality[];
  /** Partitions and outages in force. */
  readonly #cuts: Int32Array;
  /** Those of them that keep heartbeats for later. */
  readonly #keeps: Int32Array;
  readonly #held = new Map<number, Held[]>();

  constructor(links: number, base: ResolvedQuality, random: Random, carriage: Carriage) {
    this.#random = random;
    this.#carriage = carriage;
    this.#base = base;
    this.#quality = new Array(links).fill(base);
    this.#cuts = new Int32Array(links);
    this.#keeps = new Int32Array(links);
  }

  qualityOf(link: number): ResolvedQuality {
    return this.#quality[link];
  }

  /** A new quality; returns how to end it, which does nothing once another one has followed. */
  change(link: number, given: NetworkQuality): () => void {
    const quality = { ...this.#base, ...given };
    this.#quality[link] = quality;
    return () => {
      if (this.#quality[link] === quality) this.#quality[link] = this.#base;
    };
  }

  cut(link: number, queued: boolean): void {
    this.#cuts[link]++;
    if (queued) this.#keeps[link]++;
  }

  /** The end of a {@link Network.cut}. What was kept comes at once, in order. */
  mend(link: number, queued: boolean): void {
    this.#cuts[link]--;
    if (queued) this.#keeps[link]--;
    if (this.#cuts[link] > 0) return;
    const held = this.#held.get(link) ?? [];
    this.#held.delete(link);
    const { delay } = this.#quality[link];
    for (const { incarnation, sequence } of held) {
      this.#carriage.deliver(link, incarnation, sequence, delay);
    }
  }

  isCut(link: number): boolean {
    return this.#cuts[link] > 0;
  }

  /** @param interval of the sender, which reordering goes by */
  send(link: number, incarnation: number, sequence: number, interval: number): void {
    const random = this.#random;
    if (this.#cuts[link] > 0) {
      if (this.#keeps[link] === 0) {
        this.#carriage.lose(link);
        return;
      }
      const held = this.#held.get(link);
      if (held) held.push({ incarnation, sequence });
      else this.#held.set(link, [{ incarnation, sequence }]);
      return;
    }
    const { delay, jitter, loss, duplicate, reorder } = this.#quality[link];
    if (loss > 0 && random.next() < loss) {
      this.#carriage.lose(link);
      return;
    }
    let after = delay + jitter * random.next();
    if (reorder > 0 && random.next() < reorder) {
      after += interval * random.between(1, 2);
      this.#carriage.garble(link);
    }
    this.#carriage.deliver(link, incarnation, sequence, after);
    if (duplicate > 0 && random.next() < duplicate) {
      this.#carriage.garble(link);
      this.#carriage.deliver(link, incarnation, sequence, delay + jitter * random.next());
    }
  }
}
