/** How often peers returned from suspicion of late, and what they have to do for the next return. */
import type { ResolvedFlapDamping } from '../guards.js';
import type { Slot } from '../peers/records.js';
import { checkNumber } from '../validate.js';

/** A part of the journal in a peer's snapshot. */
export interface FlapSnapshot {
  readonly flaps: number;
  /** In ms, at the time of the snapshot. */
  readonly sinceReturn?: number;
}

interface Flaps {
  count: number;
  /** When the peer last became available again. */
  at: number;
}

export class FlapDamping {
  readonly #options: ResolvedFlapDamping | undefined;
  /** Of peers that ever returned. */
  readonly #flaps = new Map<Slot, Flaps>();

  /** @param options undefined where nothing is damped */
  constructor(options: ResolvedFlapDamping | undefined) {
    this.#options = options;
  }

  /** Whether any peer ever returned. */
  get isUsed(): boolean {
    return this.#flaps.size > 0;
  }

  /** How often the peer returned from suspicion, until it stayed for `calm` ms. */
  flaps(slot: Slot, at: number): number {
    const flaps = this.#flaps.get(slot);
    const isKept = flaps !== undefined && at - flaps.at < (this.#options?.calm ?? 0);
    return isKept ? flaps.count : 0;
  }

  /** The peer is available again. */
  returned(slot: Slot, at: number): void {
    if (this.#options) this.#flaps.set(slot, { count: this.flaps(slot, at) + 1, at });
  }

  /** Heartbeats in time that a suspected peer has to send: more and more, if it returns again and again. */
  needed(slot: Slot, at: number, recoverAfter: number): number {
    if (this.#options === undefined) return recoverAfter;
    const flaps = this.flaps(slot, at);
    const more = recoverAfter * 2 ** Math.max(Math.min(flaps, 32) - 1, 0);
    return Math.max(Math.min(more, this.#options.maxBeats), recoverAfter);
  }

  /** The slot's peer is forgotten. */
  end(slot: Slot): void {
    this.#flaps.delete(slot);
  }

  save(slot: Slot, at: number): FlapSnapshot {
    const flaps = this.#flaps.get(slot);
    return { flaps: flaps?.count ?? 0, ...(flaps && { sinceReturn: at - flaps.at }) };
  }

  /** @throws TypeError, RangeError that name the part, what was expected and what came */
  load(slot: Slot, name: string, { flaps, sinceReturn }: FlapSnapshot, at: number): void {
    checkNumber(`${name}.flaps`, flaps, { least: 0, most: 1e9, integer: true });
    if (sinceReturn === undefined) return;
    checkNumber(`${name}.sinceReturn`, sinceReturn, { least: -Number.MAX_VALUE, most: Infinity });
    this.#flaps.set(slot, { count: flaps, at: at - sinceReturn });
  }
}
