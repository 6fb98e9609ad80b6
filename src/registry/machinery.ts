/** The parts of a registry, and what they do to each other. */

import { Comparisons } from './comparisons.js';
import { Confirmation } from './confirmation.js';
import { Drains } from './drains.js';
import { type Covers, FirstProof } from './first-proof.js';
import { HeartbeatIntake } from './heartbeat-intake.js';
import { Learning } from './learning.js';
import { Leases } from './leases.js';
import { Member, type Registered } from './member.js';
import { Membership } from './membership.js';
import type { ResolvedRegistryOptions } from './options.js';
import { Contacts } from './probe/contacts.js';
import { Protections } from './protection.js';
import { Removal } from './removal.js';
import { Reports } from './reports.js';
import { Restarts } from './restarts.js';
import { Restoration } from './restoration.js';
import { Scheduler } from './scheduler.js';
import { type RegistryLink, Signals } from './signals.js';
import { Tombstones } from './tombstones.js';

export class Machinery {
  readonly membership: Membership;
  readonly signals: Signals;
  readonly leases = new Leases();
  readonly links = new WeakMap<RegistryLink, ReturnType<Signals['link']>>();
  readonly tombstones: Tombstones;
  readonly drains: Drains;
  readonly reports: Reports;
  readonly proof = new FirstProof(new Contacts(Infinity));
  readonly intake: HeartbeatIntake;
  readonly learning: Learning;
  readonly restoration: Restoration;
  readonly comparisons: Comparisons;
  readonly confirmation: Confirmation;
  readonly removal: Removal;
  readonly restarts: Restarts;
  readonly protections: Protections;
  readonly scheduler: Scheduler;

  constructor(options: ResolvedRegistryOptions) {
    const membership = new Membership(options);
    this.membership = membership;
    this.tombstones = new Tombstones(options.maxInstances);
    this.drains = new Drains(options.maxInstances);
    // The first listeners of the detectors: status and routing are right before anybody else is told.
    this.signals = new Signals(options.detector, (signal, event, transition) => {
      const member = membership.members.get(transition.peer);
      // Polls are judged by their results; silence is nothing in a life that was not heard.
      if (!member?.signals[signal].beaten) return;
      this.intake.refresh(member, transition.reason);
      if (event !== 'level') {
        membership.events.post(event, { ...transition, signal, instance: member.view });
      }
      this.settle();
    });
    this.learning = new Learning(membership, options.warmUp);
    this.reports = new Reports(membership);
    this.intake = new HeartbeatIntake(
      membership,
      this.signals,
      this.reports,
      this.leases,
      this.links,
      this.tombstones,
      this.proof,
    );
    this.restoration = new Restoration(this.signals, this.leases, (member) =>
      this.intake.refresh(member, 'expected again'),
    );
    this.comparisons = new Comparisons(membership);
    const inDoubt = () => this.protections.inDoubt;
    this.confirmation = new Confirmation(membership, this.leases, inDoubt);
    this.removal = new Removal(
      membership,
      this.leases,
      inDoubt,
      this.confirmation,
      (member, reason) => this.end(member, 'removed', reason),
    );
    this.protections = new Protections(this);
    this.restarts = new Restarts(membership, (service) => this.protections.holds(service));
    membership.settled = () => this.settle();
    membership.changed = (member, gone) => {
      this.confirmation.changed(member, gone);
      this.removal.changed(member, gone);
      this.restarts.changed(member, gone);
    };
    const { restoration, reports, comparisons, confirmation, removal, restarts } = this;
    const parts = [
      this.learning,
      restoration,
      reports,
      comparisons,
      confirmation,
      removal,
      restarts,
    ];
    this.scheduler = new Scheduler(membership, parts);
    this.scheduler.arm();
  }

  /** Tells what has changed, and looks at the clock for what follows. */
  settle(): void {
    this.membership.events.flush();
    this.scheduler.arm();
  }

  /** The next life of an id. */
  grant(about: Registered): Member {
    const { membership, signals, tombstones, leases } = this;
    const { id } = about;
    const before = membership.members.get(id);
    if (before === undefined) this.learning.registered(about.heartbeatInterval);
    const { generation, learnt } = before
      ? { generation: before.generation, learnt: signals.learnt(id) }
      : tombstones.raise(id);
    const at = membership.options.wall();
    const next = tombstones.next(generation);
    const member = new Member(about, next, at, membership.now(), leases.paused);
    member.operatorDrains = this.drains.has(id);
    if (before) {
      member.history = before.history;
      this.forget(before);
    }
    signals.put(id, learnt);
    this.admit(member, undefined);
    return member;
  }

  admit(member: Member, reason: string | undefined): void {
    if (member.status === 'starting') this.#check(member);
    this.membership.add(member, reason);
    this.removal.granted(member);
    this.settle();
  }

  /** Whether its first poll has to be answered before it is routed to. */
  #check(member: Member): void {
    member.isChecked = this.proof.isCovered(member);
    member.awaitsCheck = this.proof.awaits(member);
  }

  /** Somebody polls from now on; who serves already goes on. Returns what ends that. */
  expectPolls(covers: Covers): () => void {
    const { proof, membership } = this;
    proof.add(covers);
    for (const member of membership.members.values()) {
      if (member.status === 'starting') membership.recount(member, () => this.#check(member));
    }
    return () => {
      proof.delete(covers);
      for (const member of [...membership.members.values()]) {
        if (!member.awaitsCheck || proof.isCovered(member)) continue;
        member.isChecked = false;
        this.intake.refresh(member, 'not polled any more');
      }
      this.settle();
    };
  }

  /** The parts hold nothing of this life any more. */
  forget(member: Member): void {
    this.reports.forget(member);
    this.confirmation.changed(member, true);
    this.restoration.forget(member);
  }

  end(member: Member, kind: 'deregistered' | 'removed', reason: string | undefined): void {
    const { id, generation } = member;
    this.tombstones.bury(id, generation, this.signals.learnt(id));
    this.forget(member);
    this.signals.forget(id);
    this.membership.remove(member, kind, reason);
  }

  close(): void {
    this.scheduler.close();
    this.signals.close();
    this.membership.watching.close();
    this.membership.events.clear();
  }
}
