/**
 * Failed requests that clients report: they close the gap between a death and its detection.
 *
 * One client must not take out a fleet, nor silence an instance that beats. So at most as many
 * instances of a service are out for reports at once as a sweep may remove (1 of 6, 2 of 10, 15 of
 * 100); a report ends with the first heartbeat from half an interval after it on (one that was under
 * way at the death refutes nothing), and after ten intervals; and whoever was out is not taken out
 * by reports again for ten intervals.
 */
import type { Member } from './member.js';
import { removable } from './population.js';
import type { Part, Roster } from './roster.js';

const INTERVALS = 10;

export class Reports implements Part {
  readonly #roster: Roster;
  readonly #reported = new Set<Member>();

  constructor(roster: Roster) {
    this.#roster = roster;
  }

  due = Infinity;

  #endOf({ reportedAt = 0, about }: Member): number {
    return reportedAt + INTERVALS * about.heartbeatInterval;
  }

  /** Takes the member out, if it may; whether it is out now. */
  report(member: Member, reason: string): boolean {
    if (member.reportedAt !== undefined) return true;
    const now = this.#roster.now();
    if (!member.routable || now < member.trustedUntil) return false;
    const group = this.#roster.groupOf(member);
    let out = 0;
    for (const { about } of this.#reported) if (about.service === group.service) out++;
    if (out >= removable(group.n)) return false;
    this.#reported.add(member);
    this.due = Math.min(this.due, now + INTERVALS * member.about.heartbeatInterval);
    this.#roster.update(member, 'routing', reason, () => {
      member.reportedAt = now;
    });
    return true;
  }

  /** A member beats: whether that refutes what was reported. */
  heard(member: Member): void {
    const { reportedAt, about } = member;
    if (reportedAt === undefined) return;
    if (this.#roster.now() < reportedAt + about.heartbeatInterval / 2) return;
    this.#end(member, 'heartbeat');
  }

  run(now: number): void {
    this.due = Infinity;
    for (const each of this.#reported) {
      const end = this.#endOf(each);
      if (end <= now) this.#end(each, 'time');
      else this.due = Math.min(this.due, end);
    }
  }

  #end(member: Member, reason: string): void {
    this.#reported.delete(member);
    const change = () => {
      member.reportedAt = undefined;
      member.trustedUntil = this.#roster.now() + INTERVALS * member.about.heartbeatInterval;
    };
    // A client's word that did not hold does not make its weight rise from little.
    this.#roster.update(member, 'routing', reason, change, false);
  }

  /** The member's life is over. */
  forget(member: Member): void {
    this.#reported.delete(member);
  }
}
