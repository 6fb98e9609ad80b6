/** Takes heartbeats and polls in: whose they are, whether they count, and what status follows. */
import type { Transition } from '../core/events.js';
import {
  type Beat,
  type BeatOutcome,
  isGeneration,
  LONGEST_REASON,
  type ProbeOutcome,
  type ProbeResult,
  type RegistryDrops,
} from './beat.js';
import type { Covers, FirstProof } from './first-proof.js';
import { INTERVAL, SIGNALS, type SignalName } from './instance.js';
import type { Leases } from './leases.js';
import type { Member } from './member.js';
import type { Membership } from './membership.js';
import { isDown } from './population.js';
import type { Reports } from './reports.js';
import type { Scheduler } from './scheduler.js';
import type { Signals } from './signals.js';
import type { Tombstones } from './tombstones.js';

const isOutcome = (outcome: unknown): outcome is ProbeResult['outcome'] =>
  outcome === 'answered' || outcome === 'failed' || outcome === 'unreached';

const isInterval = (ms: unknown): ms is number =>
  typeof ms === 'number' && ms >= INTERVAL.least && ms <= INTERVAL.most;

/** What it works with. */
interface Parts {
  readonly membership: Membership;
  readonly scheduler: Scheduler;
  readonly signals: Signals;
  readonly tombstones: Tombstones;
  readonly proof: FirstProof;
  readonly leases: Leases;
  readonly reports: Reports;
}

export class HeartbeatIntake {
  readonly dropped: RegistryDrops = {
    duplicate: 0,
    'out-of-order': 0,
    'invalid-time': 0,
    'in-the-future': 0,
    unknown: 0,
    'stale-generation': 0,
    'no-generation': 0,
    unverified: 0,
    'no-result': 0,
  };
  /** Heartbeats that counted, and polls by result. */
  readonly counts = { heartbeats: 0, answered: 0, failed: 0, unreached: 0 };
  readonly #membership: Membership;
  readonly #scheduler: Scheduler;
  readonly #signals: Signals;
  readonly #tombstones: Tombstones;
  readonly #proof: FirstProof;
  readonly #leases: Leases;
  readonly #reports: Reports;

  constructor(parts: Parts) {
    const { signals } = parts;
    this.#membership = parts.membership;
    this.#scheduler = parts.scheduler;
    this.#signals = signals;
    this.#tombstones = parts.tombstones;
    this.#proof = parts.proof;
    this.#leases = parts.leases;
    this.#reports = parts.reports;
    for (const name of SIGNALS) {
      for (const event of ['level', 'suspect', 'available'] as const) {
        signals.detectors[name].listen(event, (change) => this.#transition(name, event, change));
      }
    }
  }

  /** A signal has crossed a level of φ: status and routing follow before any listener is called. */
  #transition(
    signal: SignalName,
    event: 'level' | 'suspect' | 'available',
    transition: Transition,
  ): void {
    // Who is heard for the first time, or restored, was not suspected: that is no recovery.
    if (event === 'available' && transition.reason !== 'heartbeat') return;
    const member = this.#membership.members.get(transition.peer);
    // Polls are decided by their results, and the silence of an incarnation that was never heard is none.
    if (!member?.signals[signal].beaten) return;
    this.refresh(member, transition.reason);
    if (event !== 'level') {
      const { view: instance } = member;
      this.#membership.events.post(event, { ...transition, signal, instance });
    }
    this.#scheduler.settle();
  }

  #drop<R extends keyof RegistryDrops>(reason: R): R {
    this.dropped[reason]++;
    return reason;
  }

  /** The incarnation that is meant; else why it is not there. */
  #find(id: string, generation: unknown): Member | Exclude<BeatOutcome, 'accepted'> {
    if (!isGeneration(generation)) return 'no-generation';
    const member = this.#membership.members.get(id);
    // One that was taken over stays so when its successor has gone: it must not come back as a ghost.
    const last = member?.generation ?? this.#tombstones.get(id)?.generation ?? 0;
    if (generation < last) return 'stale-generation';
    // A generation above ours was given by somebody who knows more: only registering settles that.
    return member === undefined || generation > last ? 'unknown' : member;
  }

  heartbeat(id: string, beat: Beat): BeatOutcome {
    const found = this.#find(id, beat?.generation);
    if (typeof found === 'string') return this.#drop(found);
    const name = beat.signal === 'process' ? 'process' : 'service';
    const outcome = this.#hear(found, name, beat);
    const turns = typeof beat.ready === 'boolean' && beat.ready !== found.ready;
    // Two beats may share an instant of a coarse clock: no interval, but what the second says is
    // news. One with a number is not, for a repeated datagram may say what is no longer so.
    const isNews = turns || beat.figures !== undefined;
    const counts = outcome === 'duplicate' && beat.sequence === undefined && isNews;
    if (outcome !== 'accepted' && !counts) return this.#drop(outcome);
    this.counts.heartbeats++;
    const signal = found.signals[name];
    const first = !signal.beaten || signal.held !== undefined;
    signal.beaten = true;
    signal.held = undefined;
    if (beat.figures !== undefined) found.figures = beat.figures;
    if (turns || first || found.status !== 'available') {
      if (turns) this.refresh(found, beat.ready ? 'ready' : 'not ready', beat.ready);
      else this.refresh(found, 'heartbeat');
      this.#scheduler.settle();
    }
    return 'accepted';
  }

  /** See `Registry.expectPolls`. */
  expectPolls(covers: Covers): () => void {
    const { members } = this.#membership;
    const proof = this.#proof;
    proof.add(covers);
    for (const member of members.values()) {
      if (member.status !== 'starting') continue;
      this.#membership.recount(member, () => proof.begin(member));
    }
    return () => {
      proof.delete(covers);
      for (const member of [...members.values()]) {
        if (!member.awaitsCheck || proof.isCovered(member)) continue;
        member.isChecked = false;
        this.refresh(member, 'not polled any more');
      }
      this.#scheduler.settle();
    };
  }

  probe(id: string, generation: number, result: Partial<ProbeResult>): ProbeOutcome {
    const found = this.#find(id, generation);
    if (typeof found === 'string') return this.#drop(found);
    const { outcome, at, error, interval } = result ?? {};
    if (!isOutcome(outcome)) return this.#drop('no-result');
    const signal = found.signals.process;
    const now = this.#membership.now();
    if (outcome === 'answered') {
      // Beats of its own tell more than polls, and their window must not learn both.
      const heard = signal.beaten ? 'accepted' : this.#hear(found, 'process', { at }, interval);
      if (heard !== 'accepted') return this.#drop(heard);
      signal.answered();
      signal.held = undefined;
    } else if (outcome === 'failed') signal.missed();
    else {
      signal.unreached = true;
      // A lease that runs by polls must not run out because we cannot poll.
      if (found.leaseSignal === 'process') this.#leases.arm(found, now);
    }
    this.counts[outcome]++;
    this.#proof.polled(found, outcome, now);
    this.refresh(
      found,
      typeof error === 'string' ? error.slice(0, LONGEST_REASON) : `poll ${outcome}`,
    );
    this.#scheduler.settle();
    return 'accepted';
  }

  #hear(
    member: Member,
    name: SignalName,
    { at, sequence, link, verified = true }: Pick<Beat, 'at' | 'sequence' | 'link' | 'verified'>,
    interval?: number,
  ): BeatOutcome {
    const now = this.#membership.now();
    if (member.isLeaseOnly) return this.#renew(member, name, { at, sequence, verified });
    const period = isInterval(interval) ? interval : member.about.heartbeatInterval;
    const info = {
      // Numbers that anybody may have given must not make those of the holder duplicates, nor old:
      // with its first word they begin anew, and what is not verified is of an incarnation before.
      incarnation: 2 * member.generation + (verified ? 1 : 0),
      sequence,
      link: this.#signals.linkOf(link, name),
    };
    const outcome = this.#signals.hear(name, member, at ?? now, info, period);
    // Listeners were told that it is back: one of them may have ended this incarnation.
    if (member.over) return this.#find(member.id, member.generation) as 'stale-generation';
    if (outcome === 'accepted' && member.counts && name === member.leaseSignal) {
      this.#membership.beats.add(now);
      this.#membership.serviceOf(member).beats.add(now);
    }
    if (outcome === 'stale-incarnation') return verified ? 'stale-generation' : 'unverified';
    return outcome === 'refused' ? 'unknown' : outcome; // refused by a closed registry only
  }

  /**
   * A heartbeat of a lease without traffic. No detector hears it: its end is its ttl alone, and the
   * silence of jobs that have ended must not look like that of services.
   */
  #renew(
    member: Member,
    name: SignalName,
    { at, sequence, verified = true }: Pick<Beat, 'at' | 'sequence' | 'verified'>,
  ): BeatOutcome {
    if (name === 'process') return 'accepted'; // which is no word of who holds the lease
    if (!verified && member.verified) return 'unverified';
    if (verified && !member.verified) {
      member.verified = true;
      member.sequence = -1;
    }
    if (Number.isSafeInteger(sequence)) {
      const ahead = (sequence as number) - member.sequence;
      if (ahead <= 0) return ahead === 0 ? 'duplicate' : 'out-of-order';
      member.sequence = sequence as number;
    }
    const now = this.#membership.now();
    const heard = Number.isFinite(at) ? Math.min(at as number, now) : now;
    if (heard > member.armedAt) this.#leases.arm(member, heard);
    return 'accepted';
  }

  /** Decides the status by the signals, and publishes it if that changes anything. */
  refresh(member: Member, reason: string, ready = member.ready): void {
    const awaitsCheck = this.#proof.awaits(member);
    const { status, states } = member.decide(ready, awaitsCheck);
    const failsAlone =
      status === 'probe-failing' &&
      this.#proof.failsAlone(member, this.#membership.serviceOf(member).members.values());
    const same =
      ready === member.ready &&
      awaitsCheck === member.awaitsCheck &&
      failsAlone === member.failsAlone &&
      states.process === member.states.process &&
      states.service === member.states.service;
    if (same && status === member.status) return;
    const isRouting = failsAlone !== member.failsAlone;
    const kind = status !== member.status ? 'status' : isRouting ? 'routing' : 'signals';
    this.#membership.update(member, kind, reason, () => {
      if (kind === 'status') member.changedAt = this.#membership.options.wall();
      if (member.status === 'starting') member.heardAt = this.#membership.now();
      member.status = status;
      member.ready = ready;
      member.awaitsCheck = awaitsCheck;
      member.failsAlone = failsAlone;
      if (!isDown(status)) {
        member.longDown = false;
        member.confirmedAt = undefined;
      }
      if (isDown(status)) this.#reports.confirmed(member);
      member.states = states;
    });
  }
}
