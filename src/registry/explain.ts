/** Everything that led to the present answer about an instance. */
import type { Explanation } from '../core/explain.js';
import { type InstanceView, SIGNALS, type SignalName } from './instance.js';
import type { Leases } from './leases.js';
import type { Member, PastChange } from './member.js';
import type { Membership } from './membership.js';
import type { Removal } from './removal.js';
import { weightOf } from './service-members.js';

/** What `Registry.explain` returns: plain JSON, but for φ's own times. */
export interface InstanceExplanation {
  readonly instance: InstanceView;
  /** Of each signal that was heard. */
  readonly service?: Explanation;
  readonly process?: Explanation;
  /** Of polls, if there were any: how many it missed in a row, and whether we could not poll. */
  readonly probe?: { readonly missed: number; readonly unreached: boolean };
  /** In ms; 0 once it has run out. */
  readonly lease: { readonly expiresIn: number; readonly signal: SignalName };
  /** Whether it is part of its service's population: of what the shares of protection are of. */
  readonly counts: boolean;
  /** 0 for who is not routable. */
  readonly weight: number;
  /** What defers suspicions, removal or restarts, or routing against the status. */
  readonly held: readonly string[];
  readonly figures?: Readonly<Record<string, number>>;
  /** The last 10 changes, the oldest first. */
  readonly history: readonly PastChange[];
}

export class Explanations {
  readonly #membership: Membership;
  readonly #leases: Leases;
  readonly #removal: Removal;

  constructor(membership: Membership, leases: Leases, removal: Removal) {
    this.#membership = membership;
    this.#leases = leases;
    this.#removal = removal;
  }

  of(member: Member): InstanceExplanation {
    const now = this.#membership.now();
    const service = this.#membership.serviceOf(member);
    const held = new Set<string>();
    const signals: Partial<Record<SignalName, Explanation>> = {};
    for (const name of SIGNALS) {
      const { peer, heard, held: stands } = member.signals[name];
      if (stands !== undefined) held.add('restored');
      const explanation = heard ? peer?.explain(now) : undefined;
      if (explanation) signals[name] = explanation;
      if (explanation?.held !== undefined) held.add(explanation.held);
    }
    if (service.panic) held.add('panic');
    if (this.#removal.holds(service.name)) held.add('removal');
    if (member.ejectedUntil !== undefined) held.add('reported');
    if (member.awaitsCheck) held.add('first-poll');
    if (member.outlier !== undefined) held.add('outlier');
    const { misses, unreached, polled } = member.signals.process;
    return {
      instance: member.view,
      ...signals,
      ...((polled || unreached || misses > 0) && { probe: { missed: misses, unreached } }),
      lease: {
        expiresIn: Math.max(this.#leases.left(member, now), 0),
        signal: member.leaseSignal,
      },
      counts: member.counts,
      weight: weightOf(member, now, this.#membership.options.slowStart),
      held: [...held],
      ...(member.figures && { figures: member.figures }),
      history: [...member.history],
    };
  }
}
