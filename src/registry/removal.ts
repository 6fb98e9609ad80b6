/**
 * Removal of those whose lease has run out: later than routing, slower, and not at all while it is
 * likelier that the observer, or what lies between, is broken. The rule is applied to the registry
 * as a whole and to each service, and both have to allow it: forty of a hundred services that are
 * down one instance of two each are a rack, not forty deaths.
 */
import type { Confirmation } from './confirmation.js';
import type { Leases } from './leases.js';
import type { Member } from './member.js';
import type { Membership } from './membership.js';
import type { Observer } from './observer.js';
import { freezes, removable } from './population.js';
import type { Rule } from './scheduler.js';
import type { Tally } from './service-members.js';
import type { ChangeKind, Freeze, FreezeReason, Protection } from './views.js';

/** A sweep that comes later than this, in ms, is one of a late observer. */
const LATE = 100;
const SHORTEST_WINDOW = 1000;
/** For what is seen before heartbeats are counted. */
const ALL_HEARD = { received: 1, expected: 1 };

export class Removal implements Rule {
  readonly #membership: Membership;
  readonly #leases: Leases;
  readonly #observer: Observer;
  readonly #confirmation: Confirmation;
  /** By service; '' is none's name, so it stands for the registry. */
  readonly #freezes = new Map<string, Freeze>();
  #candidates = new Set<Member>();
  /** No lease runs out before. */
  #quietUntil = Infinity;
  due = Infinity;

  constructor(
    membership: Membership,
    leases: Leases,
    observer: Observer,
    confirmation: Confirmation,
  ) {
    this.#membership = membership;
    this.#leases = leases;
    this.#observer = observer;
    this.#confirmation = confirmation;
  }

  /** The part of `Registry.protection` that is about it. */
  get view(): Protection['removal'] {
    const freezes = [...this.#freezes.values()];
    const [oldest] = [...freezes].sort((a, b) => a.since - b.since);
    return {
      frozen: oldest !== undefined,
      since: oldest?.since,
      reason: oldest?.reason,
      candidates: this.#candidates.size,
      overdue15min: freezes.some(({ overdue }) => overdue),
      freezes,
    };
  }

  /** A service by itself, or, as '', the registry. */
  isFrozen(service: string): boolean {
    return this.#freezes.has(service);
  }

  holds(service: string): boolean {
    return this.#freezes.has('') || this.#freezes.has(service);
  }

  changed(member: Member, kind: ChangeKind): void {
    if (kind === 'registered' && !member.over) this.#await(member);
    this.#freezeAtOnce(member);
  }

  /** Its lease may run out. */
  #await(member: Member): void {
    const { every } = this.#membership.options.removal;
    this.#quietUntil = Math.min(this.#quietUntil, member.armedAt + member.about.ttl);
    if (this.due === Infinity) this.due = this.#membership.now() + every;
  }

  /** What can be seen without counting heartbeats is not left to the next sweep. */
  #freezeAtOnce(member: Member): void {
    const gone = member.over;
    const membership = this.#membership;
    if (gone) this.#candidates.delete(member);
    const everybody =
      membership.n > 0 && membership.down === membership.n && membership.heard === 0;
    const was = this.#freezes.get('')?.reason === 'everybody-down';
    if (everybody) this.#freeze('', membership, 'everybody-down');
    else if (was) {
      // Nobody could be heard: what their leases have lost by that is given back.
      const now = membership.now();
      for (const each of membership.members.values()) this.#leases.arm(each, now);
      this.#quietUntil = now;
      this.#candidates.clear();
      this.#freeze('', membership, freezes(membership, ALL_HEARD));
    }
    if (gone || !member.down) return;
    const service = membership.serviceOf(member);
    for (const [name, tally] of [
      ['', membership],
      [service.name, service],
    ] as const) {
      const reason = freezes(tally, ALL_HEARD);
      if (reason && !this.#freezes.has(name)) this.#freeze(name, tally, reason);
    }
  }

  run(now: number): void {
    const membership = this.#membership;
    const { every } = membership.options.removal;
    const late = now > this.due + LATE;
    this.due =
      membership.members.size === 0 ? Infinity : now + (late ? Math.min(every, 1000) : every);
    if (late) return;
    if (now >= this.#quietUntil) this.#collect(now);
    // What has no traffic is no share of anything: its lease alone decides.
    for (const member of this.#candidates) {
      if (member.isLeaseOnly) this.#leases.end(member, 'removed', 'ttl');
    }
    // What was frozen until now stays so for this sweep: restarts, held as well, come first.
    const frozen = new Set(this.#freezes.keys());
    this.#review(now);
    for (const name of this.#freezes.keys()) frozen.add(name);
    for (const member of this.#candidates) {
      if (!this.#confirmation.isGone(member, now)) continue;
      this.#leases.end(member, 'removed', member.confirmedAt === undefined ? 'gone' : 'ttl');
    }
    if (frozen.has('')) return;
    let left = removable(membership.n);
    const leftOf = new Map<string, number>();
    for (const member of this.#shuffled(this.#candidates)) {
      const { service, group } = member.about;
      if (member.confirmedAt !== undefined) continue; // in its own time, above
      if (this.#observer.isImpairedFor(group)) continue; // it may be its switch that is broken
      // Whoever takes no traffic is no loss of capacity: its lease alone decides.
      if (!member.counts) this.#leases.end(member, 'removed', 'ttl');
      else if (left > 0 && !frozen.has(service)) {
        const ofService = leftOf.get(service) ?? removable(membership.serviceOf(member).n);
        if (ofService === 0) continue;
        this.#leases.end(member, 'removed', 'ttl');
        leftOf.set(service, ofService - 1);
        left--;
      }
    }
  }

  /** Those whose lease has run out, of one service or of all, whatever the rule says. */
  expired(service: string | undefined): Member[] {
    this.#collect(this.#membership.now());
    const all = [...this.#candidates];
    return service === undefined ? all : all.filter(({ about }) => about.service === service);
  }

  /** Looks for leases that have run out. */
  #collect(now: number): void {
    this.#candidates.clear();
    this.#quietUntil = Infinity;
    for (const member of this.#membership.members.values()) {
      let end = this.#leases.earliestEnd(member);
      if (end <= now) end = now + this.#leases.left(member, now);
      if (end > now) this.#quietUntil = Math.min(this.#quietUntil, end);
      else this.#candidates.add(member);
    }
    if (this.#candidates.size > 0) this.#quietUntil = now; // who beats again is none any more
  }

  #review(now: number): void {
    const membership = this.#membership;
    const names = new Set(['', ...membership.services.keys(), ...this.#freezes.keys()]);
    const rates = this.#expected(now);
    const expired = new Map<string, number>([['', 0]]);
    for (const { counts, about } of this.#candidates) {
      if (!counts) continue;
      for (const name of ['', about.service]) expired.set(name, (expired.get(name) ?? 0) + 1);
    }
    for (const name of names) {
      const tally = name === '' ? membership : membership.services.get(name);
      const heartbeats = rates.get(name);
      let reason: FreezeReason | undefined;
      if (tally && heartbeats) {
        // A lease may run out before silence is a suspicion: such a one is down as well.
        const { n, available } = tally;
        const down = Math.max(tally.down, expired.get(name) ?? 0);
        const impaired = name === '' && this.#candidates.size > 0 && this.#observer.isImpaired;
        if (impaired) reason = 'observer';
        else if (name === '' && n > 0 && down === n && membership.heard === 0)
          reason = 'everybody-down';
        else if (down > 0) reason = freezes({ n, available, down }, heartbeats);
      }
      this.#freeze(name, tally, reason);
      this.#remind(name, now);
    }
  }

  /** The heartbeats that ought to have come, of each service and of all, and those that came. */
  #expected(now: number): Map<string, { received: number; expected: number }> {
    const { services } = this.#membership;
    const all: [string, Tally, Iterable<Member>][] = [
      ['', this.#membership, this.#membership.members.values()],
    ];
    for (const [name, service] of services) all.push([name, service, service.members.values()]);
    return new Map(
      all.map(([name, { beats }, members]) => {
        const { count, over } = beats.received(now);
        let expected = 0;
        let largest = SHORTEST_WINDOW / 2;
        for (const member of members) {
          if (!member.counts) continue;
          const { peer } = member.signals[member.leaseSignal];
          const mean = peer?.mean ?? member.about.heartbeatInterval;
          expected += Math.min(over, Math.max(now - member.heardAt, 0)) / mean;
          largest = Math.max(largest, mean);
        }
        beats.setWindow(2 * largest, now);
        return [name, { received: count, expected }];
      }),
    );
  }

  #freeze(name: string, tally: Tally | undefined, reason: FreezeReason | undefined): void {
    const before = this.#freezes.get(name);
    if (before?.reason === reason) return;
    const at = this.#membership.now();
    const service = name === '' ? {} : { service: name };
    if (reason === undefined) this.#freezes.delete(name);
    else {
      const freeze = { ...service, since: at, overdue: false, ...before, reason };
      this.#freezes.set(name, freeze);
    }
    if (before && reason) return; // another reason is no edge
    const { n = 0, down = 0 } = tally ?? {};
    const active = reason !== undefined;
    const figures = { n, down, candidates: this.#candidates.size, ...(reason && { reason }) };
    this.#membership.events.post('protection', {
      rule: 'removal',
      active,
      ...service,
      at,
      ...figures,
    });
  }

  /** Says once more that it has been frozen for long. */
  #remind(name: string, now: number): void {
    const freeze = this.#freezes.get(name);
    if (!freeze || freeze.overdue || now - freeze.since < this.#membership.options.removal.notice)
      return;
    this.#freezes.set(name, { ...freeze, overdue: true });
    const { since, reason, service } = freeze;
    const candidates = this.#candidates.size;
    this.#membership.events.post('protection', {
      ...{ rule: 'removal', active: true, overdue: true, ...(service && { service }) },
      ...{ at: now, since, reason, candidates },
    });
  }

  #shuffled(members: Iterable<Member>): Member[] {
    const left = [...members];
    const { random } = this.#membership.options;
    for (let i = left.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [left[i], left[j]] = [left[j], left[i]];
    }
    return left;
  }
}
