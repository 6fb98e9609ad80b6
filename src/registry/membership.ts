/**
 * Who is registered, and every change of that: the one place that counts, numbers, logs and tells
 * it. The parts of a registry change members through it only.
 */
import { Events } from '../core/emitter.js';
import { ChangeLog } from './change-log.js';
import type { RegistryEvents } from './events.js';
import type { Member } from './member.js';
import type { ResolvedRegistryOptions } from './options.js';
import { ServiceMembers, Tally } from './service-members.js';
import type { Change, ChangeKind, InstanceView } from './views.js';
import { Watching } from './watching.js';

/** What a part of the registry does at instants of its own. */
export interface Rule {
  /** The next of them; Infinity for none. */
  readonly due: number;
  run(now: number): void;
}

export class Membership extends Tally {
  readonly options: ResolvedRegistryOptions;
  readonly members = new Map<string, Member>();
  readonly services = new Map<string, ServiceMembers>();
  /** Of those without a service, who are in none of them. */
  readonly #leaseOnly: ServiceMembers;
  readonly events = new Events<RegistryEvents>();
  readonly log: ChangeLog;
  readonly watching: Watching;
  /** Called after a member has changed, or has gone; before anybody is told. */
  changed: (member: Member, gone: boolean) => void = () => {};

  /** Tells what was posted, and looks at the clock for what follows. */
  settled: () => void = () => {};

  constructor(options: ResolvedRegistryOptions) {
    super();
    this.options = options;
    this.#leaseOnly = new ServiceMembers('', options);
    this.log = new ChangeLog(options.history);
    this.watching = new Watching({
      log: this.log,
      views: (service) => this.views(service),
    });
    this.beats.setWindow(2 * options.heartbeatInterval, this.now());
  }

  now(): number {
    return this.options.host.now();
  }

  serviceOf(member: Member): ServiceMembers {
    return member.isLeaseOnly
      ? this.#leaseOnly
      : (this.services.get(member.about.service) as ServiceMembers);
  }

  views(service: string | undefined): InstanceView[] {
    const members = service === undefined ? this.members : this.services.get(service)?.members;
    return members ? Array.from(members.values(), ({ view }) => view) : [];
  }

  /** A new member, or the next life of one, which takes its place. */
  add(member: Member, reason: string | undefined): void {
    const { id } = member;
    const before = this.members.get(id);
    if (before) {
      before.over = true;
      if (before.about.service !== member.about.service) {
        this.remove(before, 'deregistered', 'another service');
      } else this.#count(before, -1);
    }
    this.members.set(id, member);
    let service = member.isLeaseOnly ? this.#leaseOnly : this.services.get(member.about.service);
    if (service === undefined) {
      service = new ServiceMembers(member.about.service, this.options);
      service.beats.setWindow(2 * member.about.heartbeatInterval, this.now());
      this.services.set(service.name, service);
    }
    service.members.set(id, member);
    this.#count(member, 1);
    this.#publish(member, 'registered', reason);
  }

  update(member: Member, kind: ChangeKind, reason: string | undefined, change: () => void): void {
    const was = member.routable;
    this.#count(member, -1);
    change();
    this.#count(member, 1);
    if (!was && member.routable) member.routableSince = this.now();
    this.#publish(member, kind, reason);
  }

  /** A change that shows in no view: of how the member is counted. */
  recount(member: Member, change: () => void): void {
    this.#count(member, -1);
    change();
    this.#count(member, 1);
    this.#settle(this.serviceOf(member));
  }

  remove(member: Member, kind: 'deregistered' | 'removed', reason: string | undefined): void {
    member.over = true;
    this.#count(member, -1);
    this.members.delete(member.id);
    this.serviceOf(member).members.delete(member.id);
    this.#publish(member, kind, reason);
  }

  #count(member: Member, sign: 1 | -1): void {
    this.count(member, sign);
    this.serviceOf(member).count(member, sign);
  }

  #publish(member: Member, kind: ChangeKind, reason: string | undefined): void {
    const revision = this.log.revision + 1;
    const gone = kind === 'deregistered' || kind === 'removed';
    member.show(revision, kind, this.options.wall(), reason);
    const change: Change = { revision, kind, instance: member.view, ...(reason && { reason }) };
    this.log.push(change);
    this.#settle(this.serviceOf(member));
    this.changed(member, gone);
    this.events.post('change', change);
    this.watching.notify();
  }

  #settle(service: ServiceMembers): void {
    if (service.settle()) {
      const { name, panic: active, available, n } = service;
      const at = this.now();
      this.events.post('protection', { rule: 'panic', active, service: name, at, available, n });
    }
    if (service.members.size === 0) this.services.delete(service.name);
  }
}
