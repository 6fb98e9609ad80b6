/** The peers of a detector by id and by slot: who is watched, with which options, and where. */
import type { ResolvedOptions } from '../options.js';
import { Announcements } from './announcements.js';
import { Bounds } from './bounds.js';
import { Groups } from './groups.js';
import { type Profile, Profiles } from './profile.js';
import { Records, type Slot } from './records.js';
import { SequenceTracker } from './sequence.js';

export class Peers<Id> {
  readonly slots = new Map<Id, Slot>();
  readonly records = new Records();
  readonly bounds = new Bounds();
  readonly profiles = new Profiles(this.records, this.bounds);
  readonly groups = new Groups();
  readonly sequences = new SequenceTracker();
  readonly announcements = new Announcements(this.records);
  readonly #ids: (Id | undefined)[] = [];
  readonly #vacant: Slot[] = [];
  #watches = 0;

  /** Another one whenever a slot was given away, or given back. */
  get version(): number {
    return this.#watches;
  }

  /** The peer that has the slot. */
  id(slot: Slot): Id {
    return this.#ids[slot] as Id;
  }

  /** Slots in use, and once in use. */
  get length(): number {
    return this.#ids.length;
  }

  profile(slot: Slot): Profile {
    return this.profiles.get(this.records.profile(slot));
  }

  /** The options of a peer. */
  options(slot: Slot): ResolvedOptions {
    const { options } = this.profile(slot);
    const group = this.groups.nameOf(slot);
    return options.group === group ? options : { ...options, group };
  }

  add(id: Id, options: ResolvedOptions): Slot {
    const profile = this.profiles.acquire(options);
    const slot = this.#vacant.pop() ?? this.#newSlot();
    this.records.begin(slot, profile, this.#watches++); // wraps after 2³² watches
    this.profile(slot).model.begin(slot);
    this.groups.put(slot, options.group);
    this.slots.set(id, slot);
    this.#ids[slot] = (id as unknown) === 0 ? (0 as Id) : id; // as a Map keeps −0
    return slot;
  }

  #newSlot(): Slot {
    const slot = this.#ids.length as Slot;
    this.records.reserve(slot);
    this.records.setQueuedAt(slot, Infinity);
    return slot;
  }

  /** Gives a peer's storage back. Its queue entry stays: it belongs to the slot, not the peer. */
  remove(slot: Slot): void {
    this.profile(slot).model.end(slot);
    this.sequences.end(slot);
    this.profiles.release(this.records.profile(slot));
    this.groups.put(slot, '');
    this.records.end(slot, this.#watches++);
    this.slots.delete(this.#ids[slot] as Id);
    this.#ids[slot] = undefined;
    this.#vacant.push(slot);
  }

  /** Gives the peer a profile of other options; what was learnt stays, as far as that is of use. */
  reconfigure(slot: Slot, options: ResolvedOptions): void {
    const { records, profiles } = this;
    const old = records.profile(slot);
    const before = profiles.get(old).model;
    records.setProfile(slot, profiles.acquire(options));
    this.profile(slot).model.adopt(slot, before);
    profiles.release(old);
    this.groups.put(slot, options.group);
  }

  /** Whether the slot still has the tenant of now: of who was forgotten there is no more to say. */
  liveness(slot: Slot): () => boolean {
    const watch = this.records.watch(slot);
    return () => this.records.watch(slot) === watch;
  }
}
