/** The registry: who may get traffic right now. */

import type { FailureDetector } from '../core/detector.js';
import { Emitter, Events } from '../core/emitter.js';
import { checkNumber, checkOneOf } from '../core/validate.js';
import { Archive } from './archive.js';
import {
  type Beat,
  type BeatOutcome,
  isGeneration,
  LONGEST_REASON,
  type ProbeOutcome,
  type ProbeResult,
  type RegistryDrops,
  type RegistryLink,
} from './beat.js';
import { Comparisons } from './comparisons.js';
import { Confirmation } from './confirmation.js';
import type { RegistryEvents } from './events.js';
import { Explanations, type InstanceExplanation } from './explain.js';
import { FirstProof } from './first-proof.js';
import { HeartbeatIntake } from './heartbeat-intake.js';
import {
  checkRegistration,
  type InstanceView,
  type Registration,
  type SignalName,
} from './instance.js';
import { Learning } from './learning.js';
import { Lease } from './lease.js';
import { Leases } from './leases.js';
import { Membership } from './membership.js';
import { Observer } from './observer.js';
import { type RegistryOptions, resolveRegistryOptions } from './options.js';
import { Contacts } from './probe/contacts.js';
import type { InstanceRecord } from './records.js';
import { Removal } from './removal.js';
import { Reports } from './reports.js';
import { Restarts } from './restarts.js';
import { Restoration } from './restoration.js';
import { Scheduler } from './scheduler.js';
import { isSecretOf, Secrets } from './secrets.js';
import { Signals } from './signals.js';
import { type DrainedBy, Drains, type Generations, Tombstones } from './tombstones.js';
import type {
  Protection,
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
  readonly #membership: Membership;
  readonly #scheduler: Scheduler;
  readonly #signals: Signals;
  readonly #tombstones: Tombstones;
  readonly #learning: Learning;
  readonly #leases: Leases;
  readonly #reports: Reports;
  readonly #intake: HeartbeatIntake;
  readonly #restoration: Restoration;
  readonly #observer: Observer;
  readonly #comparisons: Comparisons;
  readonly #removal: Removal;
  readonly #archive: Archive;
  readonly #explanations: Explanations;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.close();
  /** Routes as they are given while it learns. */
  readonly #learningRoutes = new WeakMap<Route, Route>();
  #closed = false;

  /** @throws TypeError, RangeError that name the option, what was expected and what came */
  constructor(given: RegistryOptions = {}) {
    const options = resolveRegistryOptions(given);
    const secrets = new Secrets(given.secretKey);
    const events = new Events<RegistryEvents>();
    super(events);
    // Each part knows those before it.
    const scheduler = new Scheduler(options.host, events);
    const membership = new Membership(options, events, scheduler);
    const signals = new Signals(options.detector, events);
    const tombstones = new Tombstones(options.maxInstances);
    const drains = new Drains(options.maxInstances);
    const proof = new FirstProof(new Contacts(Infinity));
    const learning = new Learning(membership, options.warmUp);
    const of = { membership, scheduler, signals, tombstones, drains, proof, learning };
    const leases = new Leases({ ...of, secrets });
    const reports = new Reports(membership);
    const intake = new HeartbeatIntake({ ...of, leases, reports });
    const restoration = new Restoration(signals, leases, intake);
    const observer = new Observer(events, signals, leases, restoration);
    const comparisons = new Comparisons(membership);
    const confirmation = new Confirmation(membership, leases, observer);
    const removal = new Removal(membership, leases, observer, confirmation);
    const restarts = new Restarts(membership, scheduler, observer, removal);
    // In the order in which they run when several are due.
    const rules = [learning, restoration, reports, comparisons, confirmation, removal, restarts];
    scheduler.begin(rules);
    this.#membership = membership;
    this.#scheduler = scheduler;
    this.#signals = signals;
    this.#tombstones = tombstones;
    this.#learning = learning;
    this.#leases = leases;
    this.#reports = reports;
    this.#intake = intake;
    this.#restoration = restoration;
    this.#observer = observer;
    this.#comparisons = comparisons;
    this.#removal = removal;
    this.#archive = new Archive({ ...of, leases, restoration });
    this.#explanations = new Explanations(membership, leases, removal);
    this.#signal = options.signal;
    if (this.#signal?.aborted) this.close();
    else this.#signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /**
   * Grants a lease. An id that is registered already, or was, gets the next generation and keeps what
   * was learnt; heartbeats of the older incarnation are refused from now on. It is `'starting'` until it is heard.
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
    return new Lease(this.#leases.grant(about), this.#leases, this.#intake);
  }

  /** Takes a heartbeat in. Whether its sender may send it is for the caller to check: {@link holds}. Never throws. */
  heartbeat(id: string, beat: Beat): BeatOutcome {
    return this.#intake.heartbeat(id, beat);
  }

  /** {@link heartbeat}. */
  renew(id: string, beat: Beat): BeatOutcome {
    return this.#intake.heartbeat(id, beat);
  }

  /**
   * Takes the result of a poll in, for the process signal: answered is a heartbeat, one failure is
   * late, two or three are critical, four are missing; unreached is our own failure. Never throws.
   */
  probe(id: string, generation: number, result: ProbeResult): ProbeOutcome {
    return this.#intake.probe(id, generation, result);
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
    return this.#intake.expectPolls(covers);
  }

  /**
   * Takes its traffic away; it may go on beating. An operator's drain (the default) belongs to the
   * id: it holds for whoever registers it again. One of the node itself ends with its registration.
   * False if it is not registered.
   */
  drain(id: string, { by = 'operator' }: { readonly by?: DrainedBy } = {}): boolean {
    checkOneOf('by', by, DRAINED_BY);
    return this.#leases.drain(id, by);
  }

  /**
   * Takes {@link drain} back: an operator (the default) whoever asked for it, the node its own only.
   * False if it is not registered, unless an operator had drained the id.
   */
  undrain(id: string, { by = 'operator' }: { readonly by?: DrainedBy } = {}): boolean {
    checkOneOf('by', by, DRAINED_BY);
    return this.#leases.undrain(id, by);
  }

  /** Ends its lease, as it asked for. False if it is not registered. */
  deregister(id: string): boolean {
    return this.#leases.leave(id, 'deregistered', undefined);
  }

  /** Ends its lease, as an operator asked for. False if it is not registered. */
  remove(id: string): boolean {
    return this.#leases.leave(id, 'removed', 'operator');
  }

  /** Removes all whose lease has run out, of one service or of all, although removal is frozen. Returns how many. */
  forceRemoval(service?: string): number {
    const expired = this.#removal.expired(service);
    for (const member of expired) this.#leases.end(member, 'removed', 'operator');
    this.#scheduler.settle();
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
    const out = this.#reports.report(member, reason);
    this.#scheduler.settle();
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
    return member && this.#explanations.of(member);
  }

  /** When a lease runs out without a heartbeat, in ms of the clock; undefined if it is not registered. */
  expiresAt(id: string): number | undefined {
    return this.#leases.expiresAt(id);
  }

  /** Where the traffic of a service goes at this moment: also within a listener that is told of a suspicion. */
  route(service: string): Route {
    const route = this.#membership.services.get(service)?.route(this.#membership.now()) ?? NO_ROUTE;
    if (!this.#learning.active) return route;
    let learning = this.#learningRoutes.get(route);
    if (learning === undefined) {
      learning = Object.freeze({ ...route, mode: 'learning' });
      this.#learningRoutes.set(route, learning);
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
    return this.#leases.keyOf(id, generation);
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
    return this.#signals.link();
  }

  /**
   * Says that there are instances that it does not know yet: its routes are `'learning'` until
   * registrations have calmed down, for `most` ms at most.
   */
  learn(most: number): void {
    this.#learning.begin(most);
    this.#scheduler.settle();
  }

  /** Whether it does not know everybody yet: option `warmUp`, or {@link learn}. */
  get learning(): boolean {
    return this.#learning.active;
  }

  /** What holds the registry back at present: plain JSON. */
  get protection(): Protection {
    return {
      ...this.#observer.view,
      panic: this.#membership.panics,
      removal: this.#removal.view,
      outliers: this.#comparisons.found,
      learning: this.#learning.active,
    };
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
    return { ...this.#intake.dropped };
  }

  get stats(): RegistryStats {
    const { heartbeats, ...polls } = this.#intake.counts;
    const { watching, services } = this.#membership;
    return { heartbeats, polls, watchers: watching.size, services: services.size };
  }

  /**
   * The detectors of both signals, to be looked at and listened to. The registry's own listeners
   * come first, and stay whoever removes listeners; what else is done to them is not undone here.
   */
  get detectors(): Readonly<Record<SignalName, FailureDetector>> {
    return this.#signals.detectors;
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
    return this.#archive.records();
  }

  /** One record without what was learnt, for a journal; undefined for an id that is not known. */
  record(id: string): InstanceRecord | undefined {
    return this.#archive.record(id);
  }

  /** What has to be kept beside the records, for generations that never come a second time. */
  get generations(): Generations {
    return this.#tombstones.generations;
  }

  /** From now on only higher generations are given, to any id; what is lower than before is ignored. */
  raiseGenerations(to: number): void {
    this.#tombstones.raiseTo(checkNumber('generation', to, GENERATION_FLOOR));
  }

  /**
   * A registry that goes on where another stood. Nobody is suspected before {@link begin}.
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
    this.#archive.restore(record);
  }

  /** Heartbeats can arrive: restored instances are expected from two of their intervals on. */
  begin(): void {
    this.#restoration.begin(this.now());
    this.#scheduler.arm();
  }

  /** Ends watches, listeners and timers, for good; heartbeats are `'unknown'` after it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#scheduler.close();
    this.#signals.close();
    this.#membership.watching.close();
    this.removeAllListeners();
  }

  /** {@link close}, for `using`. */
  [DISPOSE](): void {
    this.close();
  }
}

const GENERATION_FLOOR = { least: 0, most: Number.MAX_SAFE_INTEGER, integer: true };
const NOBODY = Object.freeze([]);
const NO_ROUTE: Route = Object.freeze({ mode: 'empty', targets: NOBODY, excluded: NOBODY });
