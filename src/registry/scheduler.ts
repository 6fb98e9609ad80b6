/** When a registry acts by itself: one timer for all rules, and the events that are posted meanwhile. */
import type { Events } from '../core/emitter.js';
import type { Host } from '../core/host.js';
import { WakeTimer } from '../core/runtime/timer.js';
import type { RegistryEvents } from './events.js';
import type { Member } from './member.js';
import type { ChangeKind } from './views.js';

/** A rule that acts on instances: when one of them has changed, or at an instant of its own. */
export interface Rule {
  /** When {@link run} is to be called next, in ms of the registry's clock; Infinity for never. */
  readonly due: number;
  run(now: number): void;
  /** Called when a member has changed, or its incarnation is over, and before any listener is. */
  changed?(member: Member, kind: ChangeKind): void;
}

export class Scheduler {
  readonly #events: Events<RegistryEvents>;
  readonly #timer: WakeTimer;
  #rules: readonly Rule[] = [];
  #closed = false;

  constructor(host: Host, events: Events<RegistryEvents>) {
    this.#events = events;
    this.#timer = new WakeTimer(host, () => {
      const now = host.now();
      for (const rule of this.#rules) if (rule.due <= now) rule.run(now);
      this.settle();
    });
  }

  /** Applies the rules from now on, in their order. */
  begin(rules: readonly Rule[]): void {
    this.#rules = rules;
    this.arm();
  }

  /** Tells the rules that a member has changed. */
  changed(member: Member, kind: ChangeKind): void {
    for (const rule of this.#rules) rule.changed?.(member, kind);
  }

  /** Emits what was posted, and sets the timer for what follows from it. */
  settle(): void {
    this.#events.flush();
    this.arm();
  }

  /** Sets the timer: a rule may be due earlier than it was. */
  arm(): void {
    if (this.#closed) return;
    let due = Infinity;
    for (const rule of this.#rules) due = Math.min(due, rule.due);
    this.#timer.arm(due);
  }

  close(): void {
    this.#closed = true;
    this.#timer.arm(Infinity);
  }
}
