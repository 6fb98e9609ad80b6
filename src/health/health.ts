/** What a service says of its own health: groups of checks, and who may see them how. */
import { Emitter, Events } from '../core/emitter.js';
import { checkKeys, checkRange } from '../core/validate.js';
import { type Check, immediate } from './check.js';
import { Alarms, Conditions } from './conditions.js';
import { Dependencies } from './dependencies.js';
import type { Dependency } from './dependency-graph.js';
import { type CheckOptions, Groups, LIVEZ, READYZ } from './groups.js';
import {
  type HealthOptions,
  type ResolvedHealthOptions,
  resolveHealthOptions,
} from './health-options.js';
import { type Loop, type LoopOptions, Loops } from './loops.js';
import { checkName } from './paths.js';
import { Periodic } from './periodic.js';
import { type Progress, ProgressCheck, type ProgressOptions, type Sample } from './progress.js';
import type { CheckRecord, GroupReport, HealthEvents } from './reports.js';
import { type NodeHandler, nodeHandler, Router, webFetch } from './router.js';
import {
  type HealthAnswers,
  type HealthReading,
  readingsOf,
  type StatusPage,
  statusOf,
} from './status.js';

const PROGRESS_KEYS = ['group', 'interval', 'timeout', 'idle'];

/** See {@link createHealth}. */
export class Health extends Emitter<HealthEvents> {
  /** Named booleans, such as a disk that is full: `/health` shows them, checks may. */
  readonly alarms = new Alarms();
  /** Answers our paths, and calls `next` for all others: node:http, Express, Connect, Fastify. */
  readonly handler: NodeHandler;
  /** The same as the web has it; what is not ours is 404. */
  readonly fetch: (request: Request) => Promise<Response>;
  readonly #options: ResolvedHealthOptions;
  readonly #events: Events<HealthEvents>;
  readonly #groups: Groups;
  readonly #dependencies: Dependencies;
  readonly #conditions: Conditions;
  readonly #loops: Loops;
  readonly #router: Router;
  readonly #startedAt: number;
  readonly #firstReady: Promise<void>;
  #tellFirstReady: (() => void) | undefined;
  #periodic: Periodic | undefined;
  #closed = false;
  readonly #abort = () => this.close();

  /** @throws TypeError, RangeError that name the option, what was expected and what came */
  constructor(options?: HealthOptions) {
    const resolved = resolveHealthOptions(options);
    const { host, sink, signal } = resolved;
    const events = new Events<HealthEvents>();
    super(events);
    this.#events = events;
    this.#options = resolved;
    this.#startedAt = host.now();
    const settled = (record: CheckRecord) => {
      if (sink && !this.#closed) this.#events.isolate('result', () => sink(record));
      this.#events.emit('result', record);
    };
    const probed = (report: GroupReport) => this.#probed(report);
    this.#dependencies = new Dependencies(resolved.name);
    this.#groups = new Groups(resolved, this.#dependencies, { settled, probed });
    this.#conditions = new Conditions(this.#groups);
    this.#loops = new Loops(resolved.clock);
    this.#firstReady = new Promise((resolve) => {
      this.#tellFirstReady = resolve;
    });
    this.#router = new Router(resolved, this.#groups.all, this.alarms, {
      status: () => this.status(),
      picture: () => this.#dependencies.picture(this.#groups.checks),
    });
    this.handler = nodeHandler(this.#router.answer);
    this.fetch = webFetch(this.#router.answer);
    if (signal?.aborted) this.close();
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /**
   * Adds a check to a group, which is a path: `livez`, `readyz`, or one of one's own. At any time;
   * lines have the order of additions.
   *
   * @throws TypeError, RangeError for what is no check, a name that is taken or built in, a cycle of
   * dependencies, and a check of others in livez: a restart of ours mends nothing of theirs
   */
  add(group: string, name: string, check: Check, options?: CheckOptions): this {
    this.#groups.add(group, name, check, options);
    return this;
  }

  /** Removes a check; whether there was one. */
  remove(group: string, name: string): boolean {
    if (group === READYZ) this.#conditions.forget(name);
    return this.#groups.remove(group, name);
  }

  /**
   * Says what a service depends on that has no check here, for the graph: what lies behind those
   * that have one.
   *
   * @throws TypeError, RangeError, also for a cycle, with its path
   */
  service(name: string, dependsOn: readonly Dependency[]): this {
    this.#dependencies.add(checkName('name', name), dependsOn, undefined);
    return this;
  }

  /**
   * readyz fails with a check of this name until the function that is returned is called: a part
   * of the start is not finished. Of several of one name, each has its own end; one that has ended
   * may begin again.
   *
   * @throws TypeError, RangeError as {@link add}
   */
  hold(name: string): () => void {
    return this.#conditions.hold(name);
  }

  /** From now on readyz fails; livez and all paths go on to answer until the process ends. */
  shutdown(): void {
    this.#conditions.shutdown();
  }

  /**
   * readyz fails, and livez does not, until the function that is returned is called: a
   * defragmentation, say. Of several at once, each has its own end.
   */
  maintenance(work = 'maintenance'): () => void {
    return this.#conditions.maintenance(work);
  }

  /**
   * Watches a loop of your own by its beats: φ over the times that its turns take shows that it has
   * stalled. After {@link shutdown} no loop counts as stalled, as loops end then.
   *
   * @throws TypeError, RangeError as {@link add}, and for options of a detector
   */
  loop(name: string, options?: LoopOptions): Loop {
    const { group = LIVEZ, ...detection } = options ?? {};
    const taken = this.#loops.all.has(name);
    checkRange('name', 'one that no other loop has', name, !taken);
    const stalled = () =>
      this.#conditions.isShuttingDown ? true : (this.#loops.stalled(name) ?? true);
    this.add(group, name, immediate(stalled));
    try {
      return this.#loops.watch(name, detection, () => this.remove(group, name));
    } catch (error) {
      this.remove(group, name);
      throw error;
    }
  }

  /**
   * Watches whether something goes on: it is sampled in the background, and a probe fails if the
   * sample is the one that the probe before saw.
   *
   * @throws TypeError, RangeError as {@link add}, and for options
   */
  progress(name: string, sample: Sample, options?: ProgressOptions): Progress {
    const known = checkKeys('options', options, PROGRESS_KEYS);
    const { group = READYZ } = known;
    this.#periodic ??= new Periodic({ clock: this.#options.clock });
    const progress = new ProgressCheck(this.#periodic, sample, known);
    try {
      this.add(group, name, progress.check);
    } catch (error) {
      progress.close();
      throw error;
    }
    const close = () => {
      progress.close();
      this.remove(group, name);
    };
    return { name, close };
  }

  /** Runs a group's checks as a probe does, without those excluded; undefined for no such group. */
  async probe(group: string, exclude: readonly string[] = []): Promise<GroupReport | undefined> {
    return this.#groups.all.get(group)?.probe(exclude);
  }

  /** Settles when readyz has passed for the first time, whoever asked. */
  whenFirstReady(): Promise<void> {
    return this.#firstReady;
  }

  /** Whether a URL is one of ours: for routers that have to know before they hand it over. */
  handles(url: string): boolean {
    return this.#router.handles(url);
  }

  /** What `/status` shows: the last results of all checks. Runs none. */
  status(): StatusPage {
    return statusOf({
      options: this.#options,
      startedAt: this.#startedAt,
      groups: this.#groups.all,
      graph: this.#dependencies.state(this.#groups.checks),
      alarms: this.alarms.active,
      maintenance: this.#conditions.work,
      loops: this.#loops.all,
    });
  }

  /** The last result of every check that has run, and how many there were: for metrics. */
  readings(): HealthReading[] {
    return readingsOf(this.#groups.checks);
  }

  /** How often `/health` said true, and false; undefined for kube, which has none: for metrics. */
  answers(): HealthAnswers | undefined {
    return this.#options.profile === 'etcd' ? { ...this.#router.answers } : undefined;
  }

  /** Stops what runs in the background, and forgets listeners. Paths go on to answer. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#periodic?.close();
    this.#loops.close();
    this.removeAllListeners();
  }

  #probed({ group, ok }: GroupReport): void {
    if (group !== READYZ || !ok || this.#tellFirstReady === undefined) return;
    this.#tellFirstReady();
    this.#tellFirstReady = undefined;
    this.#events.emit('ready', { at: this.#options.host.now() });
  }
}

/**
 * The health of one service. It listens nowhere by itself: mount `handler` or `fetch`.
 *
 * @throws TypeError, RangeError that name the option, what was expected and what came
 */
export const createHealth = (options?: HealthOptions): Health => new Health(options);
