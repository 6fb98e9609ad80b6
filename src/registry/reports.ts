/**
 * Failed requests that clients report: they close the gap between a death and its detection, and find
 * who beats and serves nothing. One signal must not outvote the others, so nothing that an instance
 * says of itself ends such an ejection: it lasts `ejection.base`, and as many times that as there
 * were ejections in a row, up to `ejection.max`. So long in service without one, and it is the first
 * again. One client must not take out a fleet either: at most as many instances of a service are out
 * for reports at once as a sweep may remove (1 of 6, 2 of 10, 15 of 100).
 */
import type { Member } from './member.js';
import type { Membership } from './membership.js';
import { removable } from './population.js';
import type { Rule } from './scheduler.js';

export class Reports implements Rule {
  readonly #membership: Membership;
  readonly #ejected = new Set<Member>();

  constructor(membership: Membership) {
    this.#membership = membership;
  }

  due = Infinity;

  /** Takes the member out, if it may; whether it is out now. */
  report(member: Member, reason: string): boolean {
    if (member.ejectedUntil !== undefined) return true;
    if (!member.routable) return false;
    const now = this.#membership.now();
    const service = this.#membership.serviceOf(member);
    let out = 0;
    for (const { about } of this.#ejected) if (about.service === service.name) out++;
    if (out >= removable(service.n)) return false;
    const { base, max } = this.#membership.options.ejection;
    if (now - member.readmittedAt > max) member.ejections = 0;
    member.ejections++;
    const until = now + Math.min(base * member.ejections, max);
    this.#ejected.add(member);
    this.due = Math.min(this.due, until);
    this.#membership.update(member, 'routing', reason, () => {
      member.ejectedUntil = until;
    });
    return true;
  }

  run(now: number): void {
    this.due = Infinity;
    for (const member of this.#ejected) {
      const { ejectedUntil = now } = member;
      if (ejectedUntil > now) this.due = Math.min(this.due, ejectedUntil);
      else {
        this.#ejected.delete(member);
        // Nothing says that it is better but time: its weight rises from little.
        this.#membership.update(member, 'routing', 'time', () => this.#readmit(member, now));
      }
    }
  }

  #readmit(member: Member, now: number): void {
    member.ejectedUntil = undefined;
    member.readmittedAt = now;
  }

  /** The member was found dead, as was reported: to be called within its change. */
  confirmed(member: Member): void {
    if (this.#ejected.delete(member)) this.#readmit(member, this.#membership.now());
  }

  changed(member: Member): void {
    if (member.over) this.#ejected.delete(member);
  }
}
