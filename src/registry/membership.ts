/**
 * Who is registered, and every change of that: the only place that counts members, numbers their
 * changes and publishes them. All others change members through it.
 */
import type { Events } from '../core/emitter.js';
import type { RegistryEvents } from './events.js';
import type { InstanceView } from './instance.js';
import type { Member } from './member.js';
import type { ResolvedRegistryOptions } from './options.js';
import type { Scheduler } from './scheduler.js';
import { ServiceMembers, Tally } from './service-members.js';
import type { Change, ChangeKind, Protection } from './views.js';
import { ChangeLog, Watching } from './watching.js';

export class Membership extends Tally {
  readonly options: ResolvedRegistryOptions;
  readonly events: Events<RegistryEvents>;
  readonly members = new Map<string, Member>();
  readonly services = new Map<string, ServiceMembers>();
  readonly log: ChangeLog;
  readonly watching: Watching;
  readonly #scheduler: Scheduler;
  /** Members without a service, who are in none of {@link services}. */
  readonly #leaseOnly: ServiceMembers;

  constructor(
    options: ResolvedRegistryOptions,
    events: Events<RegistryEvents>,
    scheduler: Scheduler,
  ) {
    super();
    this.options = options;
    this.events = events;
    this.#scheduler = scheduler;
    this.#leaseOnly = new ServiceMembers('', options);
    this.log = new ChangeLog(options.history);
    this.watching = new Watching(this.log, (service) => this.views(service));
    this.beats.setWindow(2 * options.heartbeatInterval, this.now());
  }

  now(): number {
    return this.options.host.now();
  }

  serviceOf(member: Member): ServiceMembers {
    const { isLeaseOnly, about } = member;
    return isLeaseOnly ? this.#leaseOnly : (this.services.get(about.service) as ServiceMembers);
  }

  views(service: string | undefined): InstanceView[] {
    const members = service === undefined ? this.members : this.services.get(service)?.members;
    return members ? Array.from(members.values(), ({ view }) => view) : [];
  }

  /** Services whose routing does not believe what the registry thinks of them. */
  get panics(): Protection['panic'] {
    const panics = [...this.services.values()].filter(({ panic }) => panic);
    return panics.map(({ name, available, n }) => ({ service: name, available, n }));
  }

  /** Adds a member, which takes the place of an earlier incarnation of its id. */
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
    this.#serviceFor(member).members.set(id, member);
    this.#count(member, 1);
    this.#publish(member, 'registered', reason, before);
  }

  #serviceFor(member: Member): ServiceMembers {
    const { service: name, heartbeatInterval } = member.about;
    let service = member.isLeaseOnly ? this.#leaseOnly : this.services.get(name);
    if (service === undefined) {
      service = new ServiceMembers(name, this.options);
      service.beats.setWindow(2 * heartbeatInterval, this.now());
      this.services.set(name, service);
    }
    return service;
  }

  update(member: Member, kind: ChangeKind, reason: string | undefined, change: () => void): void {
    const was = member.routable;
    this.#count(member, -1);
    change();
    this.#count(member, 1);
    if (!was && member.routable) member.routableSince = this.now();
    this.#publish(member, kind, reason);
  }

  /** Makes a change that shows in no view: of how the member is counted. */
  recount(member: Member, change: () => void): void {
    this.#count(member, -1);
    change();
    this.#count(member, 1);
    this.#review(this.serviceOf(member));
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

  /** @param before the incarnation whose place it takes */
  #publish(member: Member, kind: ChangeKind, reason: string | undefined, before?: Member): void {
    const revision = this.log.revision + 1;
    member.show(revision, kind, this.options.wall(), reason);
    const change: Change = { revision, kind, instance: member.view, ...(reason && { reason }) };
    this.log.push(change);
    this.#review(this.serviceOf(member));
    if (before) this.#scheduler.changed(before, 'deregistered');
    this.#scheduler.changed(member, kind);
    this.events.post('record', { id: member.id });
    this.events.post('change', change);
    this.watching.notify();
  }

  /** A panic may begin or end, and a service without members is none. */
  #review(service: ServiceMembers): void {
    if (service.review()) {
      const { name, panic: active, available, n } = service;
      const at = this.now();
      this.events.post('protection', { rule: 'panic', active, service: name, at, available, n });
    }
    if (service.members.size === 0) this.services.delete(service.name);
  }
}
