/**
 * Whose death is certain. While most of a service are silent it may be us who cannot hear, so a panic
 * routes to all of them, and nobody is removed. What refutes that is that the others are heard: for
 * so long, without loss, that the silence can only be the silent ones' own. Their deaths are then
 * confirmed: they leave the population, and with that its panic and its freeze end.
 *
 * Time counts only while the registry hears: no link is down, no mass silence, no restored members
 * wait, polls reach their targets, and of those who are alive no more are late than a sweep might
 * remove. So long it takes, from the suspicion on:
 *
 * - two leases, at most two minutes, where the service has members that registered after the dead one
 *   and were first heard not long before it fell silent: it was replaced, as in a deployment;
 * - else ten leases, at most five minutes.
 *
 * Before that, one lease (at most a minute) after it died outside a panic, a member counts no more in
 * the share that begins one: it is no news.
 */
import type { Leases } from './leases.js';
import type { Member } from './member.js';
import type { Membership } from './membership.js';
import type { Observer } from './observer.js';
import { isDown, removable } from './population.js';
import type { Rule } from './scheduler.js';
import type { ServiceMembers } from './service-members.js';

const MINUTE = 60_000;
/** By leases, and at most: until a death is no news, is confirmed if it was replaced, and if not. */
const NO_NEWS = { leases: 1, most: MINUTE };
const REPLACED = { leases: 2, most: 2 * MINUTE };
const ALONE = { leases: 10, most: 5 * MINUTE };
/** So often it is looked at while somebody is down, in ms; and a look that comes later than that is late. */
const EVERY = 1000;
const LATE = 100;

const within = ({ ttl, goneAfter }: Member['about'], { leases, most }: typeof ALONE): number =>
  Math.min(leases * ttl, most, goneAfter);

/** What the registry had heard for, in ms, when a member went down. */
interface Down {
  /** Without loss. */
  readonly well: number;
  /** At all, less the silence that it had behind it. */
  readonly atAll: number;
}

export class Confirmation implements Rule {
  readonly #membership: Membership;
  readonly #leases: Leases;
  readonly #observer: Observer;
  readonly #down = new Map<Member, Down>();
  /** For how long the registry has heard, in ms: without loss, and at all. */
  #well = 0;
  #atAll = 0;
  /** As of the last look: when that was, what was paused by then, and whether it heard. */
  #seen = { at: 0, paused: 0, well: false, atAll: false };
  /** Most of those that have answered polls cannot be polled at present. */
  #lostContact = false;
  due = Infinity;

  constructor(membership: Membership, leases: Leases, observer: Observer) {
    this.#membership = membership;
    this.#leases = leases;
    this.#observer = observer;
  }

  /** Whether anybody is heard, by an observer that is not known to be impaired. */
  get hears(): boolean {
    return this.#membership.heard > 0 && !this.#lostContact && !this.#observer.isImpaired;
  }

  changed(member: Member): void {
    if (member.over || !isDown(member.status)) this.#down.delete(member);
    else if (!this.#down.has(member)) {
      const now = this.#membership.now();
      this.#look(now);
      const silence = Math.max(member.about.ttl - this.#leases.left(member, now), 0);
      this.#down.set(member, { well: this.#well, atAll: this.#atAll - silence });
      if (this.due === Infinity) this.due = now + EVERY;
    }
  }

  /**
   * Whether it goes whatever protects the others: its death is confirmed, or it has been silent for
   * `goneAfter`. Confirmed ones stay for one sweep more: restarts, held as well, come first.
   */
  isGone(member: Member, now: number): boolean {
    if (!this.hears || this.#observer.isImpairedFor(member.about.group)) return false;
    if (member.confirmedAt !== undefined) {
      return now - member.confirmedAt >= this.#membership.options.removal.every;
    }
    this.#look(now);
    const { goneAfter, ttl } = member.about;
    const down = this.#down.get(member);
    const silent = down ? this.#atAll - down.atAll : ttl - this.#leases.left(member, now);
    return silent > Math.max(goneAfter, ttl);
  }

  run(now: number): void {
    const late = now > this.due + LATE;
    this.#lostContact = this.#losesContact();
    this.#look(now);
    this.due = this.#down.size === 0 ? Infinity : now + EVERY;
    if (late || !this.#seen.well) return;
    const newest = new Map<ServiceMembers, number>();
    for (const [member, { well }] of this.#down) {
      const service = this.#membership.serviceOf(member);
      if (!member.counts || service.late > removable(service.heard)) continue;
      if (this.#observer.isImpairedFor(member.about.group)) continue;
      const heardFor = this.#well - well;
      const replaced =
        heardFor >= within(member.about, REPLACED) && this.#wasReplaced(member, service, newest);
      if (replaced || heardFor >= within(member.about, ALONE)) {
        this.#membership.recount(member, () => {
          member.confirmedAt = now;
        });
      } else if (!service.panic && !member.longDown && heardFor >= within(member.about, NO_NEWS)) {
        this.#membership.recount(member, () => {
          member.longDown = true;
        });
      }
    }
  }

  #losesContact(): boolean {
    let polled = 0;
    let lost = 0;
    for (const { signals } of this.#membership.members.values()) {
      if (!signals.process.polled) continue;
      polled++;
      if (signals.process.unreached) lost++;
    }
    return 2 * lost > polled;
  }

  /** Takes in the time since the last look. */
  #look(now: number): void {
    const { paused } = this.#leases;
    const { seen, hears } = { seen: this.#seen, hears: this.hears };
    const well = hears && this.#membership.hearsAll;
    const passed = Math.max(now - seen.at - (paused - seen.paused), 0);
    if (seen.well && well) this.#well += passed;
    if (seen.atAll && hears) this.#atAll += passed;
    this.#seen = { at: now, paused, well, atAll: hears };
  }

  /** Whether another came at about the time at which it fell silent, and is heard. */
  #wasReplaced(
    member: Member,
    service: ServiceMembers,
    newest: Map<ServiceMembers, number>,
  ): boolean {
    let latest = newest.get(service);
    if (latest === undefined) {
      latest = -Infinity;
      for (const each of service.members.values()) {
        if (each.isHeard) latest = Math.max(latest, each.grantedAt);
      }
      newest.set(service, latest);
    }
    const { lastHeartbeat = member.grantedAt } = member.signals[member.leaseSignal].peer ?? {};
    const since = (lastHeartbeat ?? member.grantedAt) - member.about.goneAfter;
    return latest > Math.max(member.grantedAt, since);
  }
}
