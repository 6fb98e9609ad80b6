/**
 * Members that came from a file: nobody is declared dead for the time that the registry was away.
 * Until {@link Restoration.begin}, and then for two of its own intervals, a member stands as it
 * stood; one that is not heard by then is expected from that instant on.
 */
import type { HeartbeatIntake } from './heartbeat-intake.js';
import { SIGNALS } from './instance.js';
import type { Leases } from './leases.js';
import type { Member } from './member.js';
import type { Rule } from './scheduler.js';
import type { Signals } from './signals.js';

/** One to learn that the registry is back, one to be heard. */
const GRACE = 2;

export class Restoration implements Rule {
  readonly #signals: Signals;
  readonly #leases: Leases;
  readonly #intake: HeartbeatIntake;
  readonly #waiting = new Map<Member, number>();
  #begun = false;
  due = Infinity;

  constructor(signals: Signals, leases: Leases, intake: HeartbeatIntake) {
    this.#signals = signals;
    this.#leases = leases;
    this.#intake = intake;
  }

  /** Members that stand as they stood. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Whether heartbeats of restored members cannot arrive yet. */
  get waits(): boolean {
    return !this.#begun && this.#waiting.size > 0;
  }

  begin(now: number): void {
    if (this.#begun) return;
    this.#begun = true;
    for (const member of this.#waiting.keys()) this.#grant(member, now);
  }

  add(member: Member, now: number): void {
    this.#waiting.set(member, Infinity);
    if (this.#begun) this.#grant(member, now);
  }

  #grant(member: Member, now: number): void {
    const end = now + GRACE * member.about.heartbeatInterval;
    this.#leases.arm(member, end);
    this.#waiting.set(member, end);
    this.due = Math.min(this.due, end);
  }

  run(now: number): void {
    this.due = Infinity;
    for (const [member, end] of this.#waiting) {
      if (end <= now) {
        this.#waiting.delete(member);
        this.#expect(member);
      } else this.due = Math.min(this.due, end);
    }
  }

  #expect(member: Member): void {
    for (const name of SIGNALS) {
      const signal = member.signals[name];
      // Whoever was missing before is so until it is heard.
      if (signal.held === undefined || signal.held === 'missing') continue;
      signal.held = undefined;
      // Polls are decided by their results alone.
      if (signal.beaten) this.#signals.expect(name, member);
    }
    this.#intake.refresh(member, 'expected again');
  }

  changed(member: Member): void {
    if (member.over) this.#waiting.delete(member);
  }
}
