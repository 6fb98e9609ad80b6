/**
 * Who is registered, and every change of that: the one place that counts, numbers, logs and tells
 * it. The parts of a registry change members through it only.
 */
import { Events } from '../core/emitter.js';
import { ChangeLog } from './change-log.js';
import type { RegistryEvents } from './events.js';
import { Group, Tally } from './group.js';
import type { Member } from './member.js';
import type { ResolvedRegistryOptions } from './options.js';
import type { Change, ChangeKind, InstanceView } from './views.js';
import { Watching } from './watching.js';

/** What a part of the registry does at instants of its own. */
export interface Part {
  /** The next of them; Infinity for none. */
  readonly due: number;
  run(now: number): void;
}

export class Roster extends Tally {
  readonly options: ResolvedRegistryOptions;
  readonly members = new Map<string, Member>();
  readonly groups = new Map<string, Group>();
  /** Of those without a service, who are in none of them. */
  readonly #leaseOnly: Group;
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
    this.#leaseOnly = new Group('', options);
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

  groupOf(member: Member): Group {
    return member.isLeaseOnly ? this.#leaseOnly : (this.groups.get(member.about.service) as Group);
  }

  views(service: string | undefined): InstanceView[] {
    const members = service === undefined ? this.members : this.groups.get(service)?.members;
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
    let group = member.isLeaseOnly ? this.#leaseOnly : this.groups.get(member.about.service);
    if (group === undefined) {
      group = new Group(member.about.service, this.options);
      group.beats.setWindow(2 * member.about.heartbeatInterval, this.now());
      this.groups.set(group.service, group);
    }
    group.members.set(id, member);
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
    this.#settle(this.groupOf(member));
  }

  remove(member: Member, kind: 'deregistered' | 'removed', reason: string | undefined): void {
    member.over = true;
    this.#count(member, -1);
    this.members.delete(member.id);
    this.groupOf(member).members.delete(member.id);
    this.#publish(member, kind, reason);
  }

  #count(member: Member, sign: 1 | -1): void {
    this.count(member, sign);
    this.groupOf(member).count(member, sign);
  }

  #publish(member: Member, kind: ChangeKind, reason: string | undefined): void {
    const revision = this.log.revision + 1;
    const gone = kind === 'deregistered' || kind === 'removed';
    member.show(revision, kind, this.options.wall(), reason);
    const change: Change = { revision, kind, instance: member.view, ...(reason && { reason }) };
    this.log.push(change);
    this.#settle(this.groupOf(member));
    this.changed(member, gone);
    this.events.post('change', change);
    this.watching.notify();
  }

  #settle(group: Group): void {
    if (group.settle()) {
      const { service, panic: active, available, n } = group;
      const at = this.now();
      this.events.post('protection', { rule: 'panic', active, service, at, available, n });
    }
    if (group.members.size === 0) this.groups.delete(group.service);
  }
}
