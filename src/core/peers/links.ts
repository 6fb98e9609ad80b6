/**
 * By which links each peer was heard of late: the present one, and up to three before it. A peer
 * with redundant links is silent when one of them is up, not when the last one is down. Costs
 * nothing before a heartbeat names a link.
 */
import type { Bounds } from './bounds.js';
import { DetectorLink, type LinkOptions, type LinkOwner } from './link.js';
import type { PauseTimeline } from './pauses.js';
import type { Slot } from './records.js';

/** Links beside the present one. */
const OTHERS = 3;
const FREE = -1;

export class Links implements LinkOwner {
  readonly #bounds: Bounds;
  readonly #pauses: PauseTimeline;
  readonly #changed: (isSooner: boolean) => void;
  readonly now: () => number;
  /** Links by which peers are heard, by number; 0 is none, which is never down. */
  readonly #links: (DetectorLink | undefined)[] = [undefined];
  readonly #vacant: number[] = [];
  /** Those of them that are out. */
  readonly #out = new Set<DetectorLink>();
  /** The number of the present link, by slot. */
  #present = new Int32Array();
  /** Numbers of the links before it, and when each was heard last: {@link OTHERS} a slot. */
  #others = new Int32Array();
  #heardAt = new Float64Array();

  /** @param changed told when a link by which peers are heard changes, and whether deadlines may be earlier */
  constructor(
    bounds: Bounds,
    pauses: PauseTimeline,
    now: () => number,
    changed: (isSooner: boolean) => void,
  ) {
    this.#bounds = bounds;
    this.#pauses = pauses;
    this.now = now;
    this.#changed = changed;
  }

  open(grace: number, options?: LinkOptions): DetectorLink {
    return new DetectorLink(this, grace, options);
  }

  /** By how much stored times are ahead of the clock that callers have. */
  get offset(): number {
    return this.#bounds.offset;
  }

  changed(link: DetectorLink, until: number, sooner: boolean): void {
    this.#note(link);
    if (link.peers === 0) return;
    this.#pauses.slowBefore(until === Infinity ? this.now() : until);
    this.#changed(sooner);
  }

  #note(link: DetectorLink): void {
    if (link.isOut && link.peers > 0) this.#out.add(link);
    else this.#out.delete(link);
    this.#pauses.linkOut(this.#out.size > 0);
  }

  /** The number of the link that the peer is heard by; 0 for none. */
  present(slot: Slot): number {
    return this.#present[slot] ?? 0;
  }

  /**
   * The links by which the peer was heard since `from`; none if its silence counts whatever becomes
   * of them. A link that was closed is no way any more.
   */
  of(slot: Slot, from: () => number): readonly DetectorLink[] {
    const number = this.present(slot);
    if (number === 0) return [];
    const links = [number, ...this.#since(slot, from())].map((each) => this.#links[each]);
    if (links.includes(undefined)) return []; // heard by no link, too
    return (links as DetectorLink[]).filter((link) => !link.isClosed);
  }

  /**
   * The peer is heard by the link from now on; by none, where that is none of this detector's.
   *
   * @param heardAt when it was heard last; undefined if it was not yet
   */
  heardBy(slot: Slot, given: unknown, heardAt: number | undefined): void {
    const before = this.present(slot);
    const link = given instanceof DetectorLink && given.owner === this ? given : undefined;
    if (link === undefined ? before === 0 : link.number === before && before !== 0) return;
    this.#reserve(slot);
    const number = link === undefined ? 0 : this.#hold(link);
    this.#present[slot] = number;
    this.#release(heardAt === undefined ? before : this.#moved(slot, before, heardAt, number));
  }

  /** The slot's peer is forgotten. */
  end(slot: Slot): void {
    if (!(slot < this.#present.length)) return;
    const numbers = [this.present(slot), ...this.#since(slot, -Infinity)];
    this.#present[slot] = 0;
    this.#others.fill(FREE, slot * OTHERS, (slot + 1) * OTHERS);
    for (const number of numbers) this.#release(number);
  }

  #reserve(slot: Slot): void {
    if (slot < this.#present.length) return;
    const length = Math.max(2 * this.#present.length, slot + 1);
    const [present, others, heardAt] = [this.#present, this.#others, this.#heardAt];
    this.#present = new Int32Array(length);
    this.#present.set(present);
    this.#others = new Int32Array(length * OTHERS).fill(FREE);
    this.#others.set(others);
    this.#heardAt = new Float64Array(length * OTHERS);
    this.#heardAt.set(heardAt);
  }

  /** One more peer is heard by the link. */
  #hold(link: DetectorLink): number {
    if (link.peers++ === 0) {
      link.number = this.#vacant.pop() ?? this.#links.length;
      this.#links[link.number] = link;
      this.#note(link);
    }
    return link.number;
  }

  /** A peer is heard by it no more. */
  #release(number: number): void {
    const link = this.#links[number];
    if (link === undefined || --link.peers > 0) return;
    this.#links[number] = undefined;
    this.#vacant.push(number);
    link.number = 0;
    this.#note(link);
  }

  /**
   * The peer was heard by `before` last, at `heardAt`, and is heard by `number` now.
   *
   * @returns a number that it is heard by no more, or once too often; 0 for none
   */
  #moved(slot: Slot, before: number, heardAt: number, number: number): number {
    const base = slot * OTHERS;
    let place = base;
    for (let i = base; i < base + OTHERS; i++) {
      if (this.#others[i] === number) {
        place = i;
        break;
      }
      if (this.#ageOf(i) < this.#ageOf(place)) place = i;
    }
    const dropped = this.#others[place];
    this.#others[place] = before;
    this.#heardAt[place] = heardAt;
    return dropped === FREE ? 0 : dropped;
  }

  /** When the place was heard last; before everything for a free one. */
  #ageOf(place: number): number {
    return this.#others[place] === FREE ? -Infinity : this.#heardAt[place];
  }

  /** The numbers of those by which the peer was heard since `from`. */
  #since(slot: Slot, from: number): number[] {
    const found: number[] = [];
    if (!(slot < this.#present.length)) return found;
    for (let i = slot * OTHERS; i < (slot + 1) * OTHERS; i++) {
      if (this.#others[i] !== FREE && this.#heardAt[i] >= from) found.push(this.#others[i]);
    }
    return found;
  }
}
