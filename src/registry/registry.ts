/** The registry: who may get traffic right now. */
import { Emitter } from '../core/emitter.js';
import type { FailureDetector } from '../core/failure-detector.js';
import { checkNumber, checkOneOf } from '../core/validate.js';
import { recordById, records, restoreRecord } from './archive.js';
import {
  type Beat,
  type BeatOutcome,
  isGeneration,
  LONGEST_REASON,
  type ProbeOutcome,
  type ProbeResult,
  type RegistryDrops,
} from './beat.js';
import type { DrainedBy } from './drains.js';
import type { RegistryEvents } from './events.js';
import { explain, type InstanceExplanation } from './explain.js';
import { Lease } from './lease.js';
import { Machinery } from './machinery.js';
import type { Member } from './member.js';
import type { Membership } from './membership.js';
import { type RegistryOptions, resolveRegistryOptions } from './options.js';
import type { Protection } from './protection.js';
import type { InstanceRecord } from './records.js';
import { checkRegistration, type Registration } from './registration.js';
import { isSecretOf, Secrets } from './secrets.js';
import type { RegistryLink, SignalName } from './signals.js';
import type { Generations } from './tombstones.js';
import type {
  InstanceView,
  RegistryStats,
  Route,
  ServiceSummary,
  Target,
  WatchEvent,
} from './views.js';
import { checkWatchOptions, type WatchOptions } from './watching.js';

const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');

const DRAINED_BY = ['node', 'operator'] as const;

/** There are as many instances as option `maxInstances` allows. */
export class RegistryFull extends Error {
  override readonly name = 'RegistryFull';
}

/**
 * Leases, two-way heartbeats, routing, watching, and what protects them from acting on a broken
 * observer. Has neither socket nor file. Times are ms of option `clock`.
 */
export class Registry extends Emitter<RegistryEvents> {
  readonly #parts: Machinery;
  readonly #membership: Membership;
  readonly #secrets: Secrets;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.close();
  /** Routes as they are told while it learns. */
  readonly #learning = new WeakMap<Route, Route>();
  #closed = false;

  /** @throws TypeError, RangeError that name the option, what was expected and what came */
  constructor(options: RegistryOptions = {}) {
    const resolved = resolveRegistryOptions(options);
    const secrets = new Secrets(options.secretKey);
    const parts = new Machinery(resolved);
    super(parts.membership.events);
    this.#secrets = secrets;
    this.#parts = parts;
    this.#membership = parts.membership;
    this.#signal = resolved.signal;
    if (this.#signal?.aborted) this.close();
    else this.#signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /**
   * Grants a lease. An id that is registered already, or was, gets the next generation and keeps what
   * was learnt; beats of the older life are refused from now on. It is `'starting'` until it is heard.
   *
   * @throws TypeError, RangeError for what is no registration; RegistryFull beyond `maxInstances`
   */
  register(registration: Registration): Lease {
    const { options, members } = this.#membership;
    const about = checkRegistration(registration, options);
    const { id } = about;
    if (this.#closed || (!members.has(id) && members.size >= options.maxInstances)) {
      const why = this.#closed ? 'it is closed' : `maxInstances is ${options.maxInstances}`;
      throw new RegistryFull(`no room for ${id}: ${why}`);
    }
    return new Lease(about, this.#parts.grant(about).generation, this);
  }

  /** Takes a heartbeat in. Whether its sender may send it is for the caller to check: {@link holds}. Never throws. */
  heartbeat(id: string, beat: Beat): BeatOutcome {
    return this.#parts.intake.heartbeat(id, beat);
  }

  /** {@link heartbeat}. */
  renew(id: string, beat: Beat): BeatOutcome {
    return this.#parts.intake.heartbeat(id, beat);
  }

  /**
   * Takes the result of a poll in, for the process signal: answered is a heartbeat, one failure is
   * late, two or three are critical, four are missing; unreached is our own failure. Never throws.
   */
  probe(id: string, generation: number, result: ProbeResult): ProbeOutcome {
    const outcome = this.#parts.intake.probe(id, generation, result);
    this.#parts.scheduler.arm();
    return outcome;
  }

  /**
   * Says that from now on somebody polls the instances that `covers` is true of: each that registers
   * is `starting`, and gets no traffic, until its first poll is answered. One whose first polls do not
   * reach it goes by its beats if no other instance answers either: it is we then who cannot poll.
   * Returns what ends that. A `Prober` calls it.
   */
  expectPolls(
    covers: (instance: Pick<InstanceView, 'id' | 'service' | 'address'>) => boolean,
  ): () => void {
    return this.#parts.expectPolls(covers);
  }

  /**
   * Takes its traffic away; it may go on beating. An operator's drain (the default) belongs to the
   * id: it holds for whoever registers it again. One of the node itself ends with its registration.
   * False if it is not registered.
   */
  drain(id: string, { by = 'operator' }: { readonly by?: DrainedBy } = {}): boolean {
    checkOneOf('by', by, DRAINED_BY);
    const member = this.#membership.members.get(id);
    if (member === undefined) return false;
    if (by === 'operator') this.#parts.drains.set(id, true);
    this.#setDrain(member, by === 'node' || member.nodeDrains);
    return true;
  }

  /**
   * Takes {@link drain} back: an operator (the default) whoever asked for it, the node its own only.
   * False if it is not registered, unless an operator had drained the id.
   */
  undrain(id: string, { by = 'operator' }: { readonly by?: DrainedBy } = {}): boolean {
    checkOneOf('by', by, DRAINED_BY);
    const had = by === 'operator' && this.#parts.drains.set(id, false);
    const member = this.#membership.members.get(id);
    if (member === undefined) return had;
    this.#setDrain(member, false);
    return true;
  }

  #setDrain(member: Member, byNode: boolean): void {
    const byOperator = this.#parts.drains.has(member.id);
    if (member.nodeDrains === byNode && member.operatorDrains === byOperator) return;
    this.#membership.update(member, 'draining', undefined, () => {
      member.nodeDrains = byNode;
      member.operatorDrains = byOperator;
    });
    this.#parts.settle();
  }

  /** Ends its lease, as it asked for. False if it is not registered. */
  deregister(id: string): boolean {
    return this.#leave(id, 'deregistered', undefined);
  }

  /** Ends its lease, as an operator asked for. False if it is not registered. */
  remove(id: string): boolean {
    return this.#leave(id, 'removed', 'operator');
  }

  #leave(id: string, kind: 'deregistered' | 'removed', reason: string | undefined): boolean {
    const member = this.#membership.members.get(id);
    if (member === undefined) return false;
    this.#parts.end(member, kind, reason);
    this.#parts.settle();
    return true;
  }

  /** Removes all whose lease has run out, of one service or of all, although removal is frozen. Returns how many. */
  forceRemoval(service?: string): number {
    const expired = this.#parts.removal.expired(service);
    for (const member of expired) this.#parts.end(member, 'removed', 'operator');
    this.#parts.settle();
    return expired.length;
  }

  /**
   * A client's request to it failed: it gets no traffic for `ejection.base`, whatever it says of
   * itself, and for longer each time. Returns whether it is out for that now; false if too many of
   * its service are.
   */
  reportFailure(id: string, about: { generation?: number; reason?: string } = {}): boolean {
    const member = this.#membership.members.get(id);
    const { generation, reason: given } = about ?? {};
    if (member === undefined || (generation ?? member.generation) !== member.generation) {
      return false;
    }
    const reason = typeof given === 'string' ? given.slice(0, LONGEST_REASON) : 'reported';
    const out = this.#parts.reports.report(member, reason);
    this.#parts.settle();
    return out;
  }

  /** An instance as it stands; undefined if it is not registered. */
  get(id: string): InstanceView | undefined {
    return this.#membership.members.get(id)?.view;
  }

  /** All instances, or those of a service. */
  instances(service?: string): InstanceView[] {
    return this.#membership.views(service);
  }

  services(): ServiceSummary[] {
    return Array.from(this.#membership.services.values(), ({ name, n, available }) => {
      return { name, n, available };
    });
  }

  /** Everything that led to the present answer about an instance; undefined if it is not registered. */
  explain(id: string): InstanceExplanation | undefined {
    const member = this.#membership.members.get(id);
    return member && explain(this.#parts, member);
  }

  /** When a lease runs out without a heartbeat, in ms of the clock; undefined if it is not registered. */
  expiresAt(id: string): number | undefined {
    const member = this.#membership.members.get(id);
    if (member === undefined) return undefined;
    const now = this.#membership.now();
    return now + this.#parts.leases.left(member, now);
  }

  /** Where the traffic of a service goes at this moment: also within a listener that is told of a suspicion. */
  route(service: string): Route {
    const route = this.#membership.services.get(service)?.route(this.#membership.now()) ?? NO_ROUTE;
    if (!this.#parts.learning.active) return route;
    let learning = this.#learning.get(route);
    if (learning === undefined) {
      learning = Object.freeze({ ...route, mode: 'learning' });
      this.#learning.set(route, learning);
    }
    return learning;
  }

  /** One target: of two that are drawn by weight, the one that was picked less often for its weight. */
  pick(service: string, random: () => number = Math.random): Target | undefined {
    return this.#membership.services.get(service)?.pick(this.#membership.now(), random);
  }

  /**
   * A snapshot of all instances, or of those of a service, and then every change, none left out and
   * none twice. Whoever falls behind by more than is kept, or `limit`, gets another snapshot instead.
   * Ends with its `signal`, or with the registry.
   *
   * @throws TypeError, RangeError that name the option, what was expected and what came
   */
  watch(service?: string, options: WatchOptions = {}): AsyncIterableIterator<WatchEvent> {
    return this.#membership.watching.watch(service, checkWatchOptions(service, options));
  }

  /** The secret of a lease: follows from `secretKey`, the id and the generation. */
  secretOf(id: string, generation: number): string {
    return this.keyOf(id, generation).toString('base64url');
  }

  /** @internal the secret in bytes, as datagrams are signed by it */
  keyOf(id: string, generation: number): Buffer {
    const member = this.#membership.members.get(id);
    if (member?.generation !== generation) return this.#secrets.keyOf(id, generation);
    member.key ??= this.#secrets.keyOf(id, generation);
    return member.key;
  }

  /** Whether that is the secret of the lease; takes as long for wrong ones as for the right one. */
  holds(id: string, generation: number, secret: unknown): boolean {
    if (typeof id !== 'string' || !isGeneration(generation)) return false;
    return isSecretOf(this.keyOf(id, generation), secret);
  }

  /**
   * A way by which heartbeats come, to be named in their `link`: while it is down, neither silence
   * nor leases of those count that were heard by it last.
   */
  link(): RegistryLink {
    const both = this.#parts.signals.link(() => this.#parts.protections.link());
    const link = Object.freeze({ down: both.down, up: both.up });
    this.#parts.links.set(link, both);
    return link;
  }

  /**
   * Says that there are instances that it does not know yet: its routes are `'learning'` until
   * registrations have calmed down, for `most` ms at most.
   */
  learn(most: number): void {
    this.#parts.learning.begin(most);
    this.#parts.settle();
  }

  /** Whether it does not know everybody yet: option `warmUp`, or {@link learn}. */
  get learning(): boolean {
    return this.#parts.learning.active;
  }

  /** What holds the registry back at present: plain JSON. */
  get protection(): Protection {
    return this.#parts.protections.view();
  }

  /** The number of the last change. */
  get revision(): number {
    return this.#membership.log.revision;
  }

  /** Instances. */
  get size(): number {
    return this.#membership.members.size;
  }

  /** Heartbeats and results of polls that did not count, by reason. */
  get dropped(): Readonly<RegistryDrops> {
    return { ...this.#parts.intake.dropped };
  }

  get stats(): RegistryStats {
    const { heartbeats, ...polls } = this.#parts.intake.counts;
    const { watching, services } = this.#membership;
    return { heartbeats, polls, watchers: watching.size, services: services.size };
  }

  /** The detectors of both signals, to be looked at: what is done to them is not undone here. */
  get detectors(): Readonly<Record<SignalName, FailureDetector>> {
    return this.#parts.signals.detectors;
  }

  /** The registry's time, in ms. */
  now(): number {
    return this.#membership.now();
  }

  /**
   * Everything as plain JSON, one record at a time, those that are gone included: each id that is
   * known at the first of them, once, as it is when it is asked for.
   */
  records(): IterableIterator<InstanceRecord> {
    return records(this.#parts);
  }

  /** One record without what was learnt, for a journal; undefined for an id that is not known. */
  record(id: string): InstanceRecord | undefined {
    return recordById(this.#parts, id);
  }

  /** What has to be kept beside the records, for generations that never come a second time. */
  get generations(): Generations {
    return this.#parts.tombstones.generations;
  }

  /** From now on only higher generations are given, to any id; what is lower than before is ignored. */
  raiseGenerations(to: number): void {
    this.#parts.tombstones.raiseTo(checkNumber('generation', to, GENERATION_FLOOR));
  }

  /**
   * A registry that goes on where another stood. Nobody is judged before {@link begin}.
   *
   * @throws TypeError, RangeError for what is no record, and as the constructor does
   */
  static restore(given: Iterable<InstanceRecord>, options?: RegistryOptions): Registry {
    const registry = new Registry(options);
    try {
      for (const record of given) registry.restoreRecord(record);
    } catch (error) {
      registry.close();
      throw error;
    }
    return registry;
  }

  /**
   * Puts one record in; of several of one id the later ones count. The instance stands as it stood
   * until it is heard, or until two of its intervals after {@link begin}; silence and lease begin
   * anew then. `maxInstances` does not apply: who is there already stays.
   *
   * @throws TypeError, RangeError for what is no record
   */
  restoreRecord(record: InstanceRecord): void {
    restoreRecord(this.#parts, record);
  }

  /** Heartbeats can arrive: restored instances are expected from two of their intervals on. */
  begin(): void {
    this.#parts.restoration.begin(this.now());
    this.#parts.scheduler.arm();
  }

  /** Ends watches, listeners and timers, for good; heartbeats are `'unknown'` after it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#parts.close();
  }

  /** {@link close}, for `using`. */
  [DISPOSE](): void {
    this.close();
  }
}

const GENERATION_FLOOR = { least: 0, most: Number.MAX_SAFE_INTEGER, integer: true };
const NOBODY = Object.freeze([]);
const NO_ROUTE: Route = Object.freeze({ mode: 'empty', targets: NOBODY, excluded: NOBODY });
