/**
 * Leases: who holds an id, from its registration to its end, and how much of the lease is left. A
 * lease is used up by the silence of its instance, but not by time in which this process could not run.
 */
import type { Stall } from '../core/events.js';
import type { FirstProof } from './first-proof.js';
import type { Registered } from './instance.js';
import type { Learning } from './learning.js';
import { Member } from './member.js';
import type { Membership } from './membership.js';
import type { Scheduler } from './scheduler.js';
import type { Secrets } from './secrets.js';
import type { Signals } from './signals.js';
import type { DrainedBy, Drains, Tombstones } from './tombstones.js';

/** What it works with. */
interface Parts {
  readonly membership: Membership;
  readonly scheduler: Scheduler;
  readonly signals: Signals;
  readonly tombstones: Tombstones;
  readonly drains: Drains;
  readonly proof: FirstProof;
  readonly learning: Learning;
  readonly secrets: Secrets;
}

export class Leases {
  readonly #membership: Membership;
  readonly #scheduler: Scheduler;
  readonly #signals: Signals;
  readonly #tombstones: Tombstones;
  readonly #drains: Drains;
  readonly #proof: FirstProof;
  readonly #learning: Learning;
  readonly #secrets: Secrets;
  /** For how long this process could not run, in all; and up to when that is known. */
  #paused = 0;
  #seen = -Infinity;

  constructor(parts: Parts) {
    this.#membership = parts.membership;
    this.#scheduler = parts.scheduler;
    this.#signals = parts.signals;
    this.#tombstones = parts.tombstones;
    this.#drains = parts.drains;
    this.#proof = parts.proof;
    this.#learning = parts.learning;
    this.#secrets = parts.secrets;
  }

  /** Grants a lease for the next incarnation of an id, which keeps what was learnt of the last. */
  grant(about: Registered): Member {
    const { id } = about;
    const before = this.#membership.members.get(id);
    if (before === undefined) this.#learning.registered(about.heartbeatInterval);
    const { generation, learnt } = before
      ? { generation: before.generation, learnt: this.#signals.learnt(id) }
      : this.#tombstones.raise(id);
    const now = this.#membership.now();
    const wall = this.#membership.options.wall();
    const member = new Member(about, this.#tombstones.next(generation), wall, now, this.#paused);
    member.operatorDrains = this.#drains.has(id);
    if (before) member.history = before.history;
    this.#signals.put(id, learnt);
    this.admit(member, undefined);
    return member;
  }

  /** The secret of a lease in bytes, which is worked out once for the present one. */
  keyOf(id: string, generation: number): Buffer {
    const member = this.#membership.members.get(id);
    if (member?.generation !== generation) return this.#secrets.keyOf(id, generation);
    member.key ??= this.#secrets.keyOf(id, generation);
    return member.key;
  }

  /** Adds a member, of whose signals is known by now what was learnt. */
  admit(member: Member, reason: string | undefined): void {
    if (member.status === 'starting') this.#proof.begin(member);
    this.#membership.add(member, reason);
    this.#scheduler.settle();
  }

  /** {@link end}s the lease of an id; false if it is not registered. */
  leave(id: string, kind: 'deregistered' | 'removed', reason: string | undefined): boolean {
    const member = this.#membership.members.get(id);
    if (member === undefined) return false;
    this.end(member, kind, reason);
    this.#scheduler.settle();
    return true;
  }

  /** Ends a lease: the generation, and what was learnt, are kept for who comes back. */
  end(member: Member, kind: 'deregistered' | 'removed', reason: string | undefined): void {
    const { id, generation } = member;
    this.#tombstones.bury(id, generation, this.#signals.learnt(id));
    this.#signals.forget(id);
    this.#membership.remove(member, kind, reason);
  }

  /** See `Registry.drain`. */
  drain(id: string, by: DrainedBy): boolean {
    const member = this.#membership.members.get(id);
    if (member === undefined) return false;
    if (by === 'operator') this.#drains.set(id, true);
    this.#setDrain(member, by === 'node' || member.nodeDrains);
    return true;
  }

  /** See `Registry.undrain`. */
  undrain(id: string, by: DrainedBy): boolean {
    const ended = by === 'operator' && this.#drains.set(id, false);
    const member = this.#membership.members.get(id);
    if (member !== undefined) this.#setDrain(member, false);
    else if (ended) {
      this.#membership.events.post('record', { id });
      this.#scheduler.settle();
    }
    return member !== undefined || ended;
  }

  #setDrain(member: Member, byNode: boolean): void {
    const byOperator = this.#drains.has(member.id);
    if (member.nodeDrains === byNode && member.operatorDrains === byOperator) return;
    this.#membership.update(member, 'draining', undefined, () => {
      member.nodeDrains = byNode;
      member.operatorDrains = byOperator;
    });
    this.#scheduler.settle();
  }

  /**
   * Takes a stall in, which both detectors may report.
   *
   * @returns whether it is a new one
   */
  stalled({ at, duration }: Stall): boolean {
    const from = Math.max(at - duration, this.#seen);
    this.#seen = Math.max(at, this.#seen);
    this.#paused += Math.max(at - from, 0);
    return at - from > 0.5 * duration;
  }

  /** For how long this process could not run, in all, in ms. */
  get paused(): number {
    return this.#paused;
  }

  /** When a lease runs out if nothing is paused: never later than it does, and cheap. */
  earliestEnd(member: Member): number {
    const last = member.signals[member.leaseSignal].peer?.lastHeartbeat ?? -Infinity;
    return Math.max(last, member.armedAt) + member.about.ttl;
  }

  /** What is left of a lease, in ms; not above 0 once it has run out. */
  left(member: Member, now: number): number {
    const { ttl } = member.about;
    const { peer } = member.signals[member.leaseSignal];
    const armed = now - member.armedAt - (this.#paused - member.armedPaused);
    const silence = peer?.explain(now)?.silence ?? Infinity;
    return ttl - Math.max(Math.min(silence, armed), 0);
  }

  /** Whether that incarnation of an id holds the lease at present. */
  present(id: string, generation: number): boolean {
    return this.#membership.members.get(id)?.generation === generation;
  }

  /** When a lease runs out without a heartbeat, in ms of the clock; undefined if there is none. */
  expiresAt(id: string): number | undefined {
    const member = this.#membership.members.get(id);
    if (member === undefined) return undefined;
    const now = this.now();
    return now + this.left(member, now);
  }

  now(): number {
    return this.#membership.now();
  }

  /** The lease runs anew from `at` on. */
  arm(member: Member, at: number): void {
    member.armedAt = at;
    member.armedPaused = this.#paused;
  }
}
