/** A registry of one instance, and what keeps that instance running. */
import { randomBytes } from 'node:crypto';
import { type Host, platform } from '../../core/host.js';
import {
  type InstanceView,
  type Lease,
  Registry,
  type RestartCause,
} from '../../registry/index.js';
import { Datagrams } from '../../registry/service/datagrams.js';
import { Turns } from '../../sources/turns.js';
import { beatingEnvironment, type Probe, probing, witness } from './beats.js';
import { describeEnding, type Ending, exitCodeOf, type Supervised } from './child.js';
import { type Cause, type RestartLimit, RestartPolicy } from './restart-policy.js';
import { StartDeadline, sleep } from './waiting.js';

/** The exit code of `run` when no restart is left; the command's own are others. */
const GAVE_UP = 121;
/** Longer than any back-off: a lease that runs out would be a reason not to restart. */
const TTL = 2 ** 31 - 1;
/** The longest delay between restarts, in ms; after a run of this length the next is the first again. */
const LONGEST_DELAY = 300_000;

/** When the command is suspected, ended and restarted. */
export interface Supervision {
  /** Times in ms. */
  interval: number;
  pause: number;
  delay: number;
  /** 0 for none. */
  startTimeout: number;
  /** In seconds. */
  grace: number;
  restart: 'on-failure' | 'always' | 'never';
  maxRestarts?: RestartLimit;
  service?: string;
}

export interface SupervisorOptions {
  readonly id: string;
  readonly options: Supervision;
  /** Starts the command, with these variables beside those that it gets anyway. */
  readonly spawn: (env: NodeJS.ProcessEnv) => Supervised;
  /** Whether the command is Node, and beats for itself. */
  readonly beatsForItself: boolean;
  readonly probe: Probe | undefined;
  readonly log: (line: string) => void;
  /** Default: the platform's. */
  readonly host?: SupervisorHost;
  /** Default `Math.random`. */
  readonly random?: () => number;
}

type SupervisorHost = Pick<Host, 'now' | 'setTimeout' | 'clearTimeout'>;

const OWN: SupervisorHost = { ...platform, now: () => performance.now() };

export class Supervisor {
  readonly #given: SupervisorOptions;
  readonly #host: SupervisorHost;
  readonly #registry: Registry;
  readonly #policy: RestartPolicy;
  readonly #deadline: StartDeadline;
  readonly #epoch = randomBytes(8).toString('hex');
  /** Whether the present child has beaten. */
  #beaten = false;
  #datagrams: Datagrams | undefined;
  #child: Supervised | undefined;
  #lease: Lease | undefined;
  #turns: Turns[] = [];
  #own: Turns | undefined;
  /** No more restarts. */
  #isLast = false;
  /** The restart that is to come; another one, or the end, takes its place. */
  #restart = new AbortController();
  /** It was told to end, so that another one can take its place. */
  #isReplaced = false;
  #stopping: Promise<void> | undefined;
  #finish: (exitCode: number) => void = () => {};
  /** The exit code with which it ended for good. */
  readonly finished = new Promise<number>((resolve) => {
    this.#finish = resolve;
  });

  constructor(given: SupervisorOptions) {
    const { interval, pause, delay, startTimeout, maxRestarts: limit } = given.options;
    this.#given = given;
    const { host, random = Math.random } = given;
    this.#host = host ?? OWN;
    const longest = Math.max(delay, LONGEST_DELAY);
    this.#policy = new RestartPolicy({ delay, longest, limit, random });
    this.#deadline = new StartDeadline(startTimeout, this.#host);
    this.#registry = new Registry({
      ...(host && { clock: host }),
      heartbeatInterval: interval,
      ttl: TTL,
      detector: { acceptablePause: pause },
      // How long to wait is the policy's: it knows the restarts that no silence was needed for.
      restart: { delay: 0, maxDelay: 0 },
      // Of one instance there is no majority that could speak for it.
      panic: { below: 0 },
      onRestartNeeded: (instance, cause, signal) => this.#onNeed(instance, cause, signal),
    });
  }

  async start(): Promise<void> {
    const { beatsForItself, id, options } = this.#given;
    const registry = this.#registry;
    if (beatsForItself) {
      this.#datagrams = await Datagrams.open({
        registry,
        epoch: this.#epoch,
        unsigned: false,
        port: 0,
        address: '127.0.0.1',
        note: (from) => {
          this.#beaten ||= from === id;
        },
      });
    }
    registry.begin();
    registry.on('change', () => {
      if (this.#isProved) this.#deadline.end();
    });
    this.#own = witness(registry, this.#service, options.interval, this.#host);
    this.#launch();
  }

  /** Calls `listener` when {@link isUp} may have changed. */
  onChange(listener: () => void): void {
    this.#registry.on('change', listener);
  }

  /**
   * Whether the command may get traffic: it is not suspected, and what was to prove that it serves,
   * its probe or its main loop, has done so since it was started.
   */
  get isUp(): boolean {
    const isRoutable = this.#registry.get(this.#given.id)?.routable === true;
    return !this.#isLast && isRoutable && this.#isProved;
  }

  get #isProved(): boolean {
    const { probe, beatsForItself, id } = this.#given;
    if (!probe && !beatsForItself) return true;
    return this.#registry.get(id)?.signals.service !== 'unused';
  }

  get #service(): string {
    return this.#given.options.service ?? this.#given.id;
  }

  #launch(): void {
    const { id, options, spawn, beatsForItself, probe, log } = this.#given;
    const host = this.#host;
    const registry = this.#registry;
    const lease = registry.register({ id, service: this.#service, address: '-' });
    this.#beaten = false;
    const child = spawn(this.#environment(lease));
    this.#lease = lease;
    this.#child = child;
    this.#policy.started(host.now());
    void child.ended.then((ending) => this.#onEnd(child, ending));
    if (child.pid === undefined) return;
    log(`${id}: pid ${child.pid}`);
    const { generation } = lease;
    const hear = (signal: 'process' | 'service') => registry.heartbeat(id, { generation, signal });
    const { interval } = options;
    // Only who was heard can fall silent, and it may be frozen before it can beat: it was there once,
    // and from then on its state speaks for it until it does so itself.
    let asked = 0;
    const turns = new Turns(
      () => {
        if (beatsForItself && this.#beaten) turns.close();
        else if (asked++ === 0 || child.state === 'runs') hear('process');
      },
      { interval, host },
    );
    turns.start();
    this.#turns.push(turns);
    if (probe) this.#turns.push(probing(probe, interval, () => hear('service'), host));
    if (!this.#isProved) this.#deadline.begin((met) => void this.#onLate(child, met));
  }

  /** It has not shown within the time for its start that it serves. */
  async #onLate(child: Supervised, met: AbortSignal): Promise<void> {
    const { id, options, probe, log } = this.#given;
    // Of a Node that has not beaten at all, as one behind a launcher of that name, nothing is known.
    if (this.#isLast || child !== this.#child || (!probe && !this.#beaten)) return;
    const found = `has not served within ${options.startTimeout} ms of its start`;
    if (options.restart === 'never') log(`${id}: ${found}`);
    else await this.#replace(child, 'start-timeout', found, met);
  }

  #environment({ id, generation, secret }: Lease): NodeJS.ProcessEnv {
    if (this.#datagrams === undefined) return {};
    return beatingEnvironment({
      parent: process.pid,
      credentials: { id, generation, secret, epoch: this.#epoch },
      port: this.#datagrams.port ?? 0,
      interval: this.#given.options.interval,
      loop: this.#given.probe === undefined,
    });
  }

  /** It is not there any more, which needs no suspicion: it is out of the route now. */
  #onEnd(child: Supervised, ending: Ending): void {
    if (child !== this.#child) return;
    for (const turns of this.#turns.splice(0)) turns.close();
    this.#deadline.end();
    const { id, options, log } = this.#given;
    this.#registry.deregister(id);
    if (this.#isLast || this.#stopping) return void this.stop('SIGTERM');
    if (this.#isReplaced) return; // it was asked to end
    const isDone = ending.code === 0 && options.restart !== 'always';
    if (ending.error || isDone || options.restart === 'never') return void this.stop('SIGTERM');
    log(`${id}: ${describeEnding(ending)}`);
    void this.#replace(child, 'exit', 'exit');
  }

  async #onNeed({ generation }: InstanceView, found: RestartCause, withdrawn: AbortSignal) {
    const { id, options, log, probe } = this.#given;
    const child = this.#child;
    if (this.#isLast || child === undefined || generation !== this.#lease?.generation) return;
    if (options.restart === 'never') {
      log(`${id}: ${found}`);
      return;
    }
    const asZombie = probe ? 'probe-failing' : 'blocked';
    const asDead = child.state === 'stopped' ? 'frozen' : 'silent';
    await this.#replace(child, found === 'zombie' ? asZombie : asDead, found, withdrawn);
  }

  /** Another one in its place, after a while; unless it recovers before. */
  async #replace(child: Supervised, cause: Cause, found: string, withdrawn?: AbortSignal) {
    const { id, options, log } = this.#given;
    if (this.#isReplaced) return; // for another reason, already
    this.#restart.abort();
    const restart = new AbortController();
    this.#restart = restart;
    withdrawn?.addEventListener('abort', () => restart.abort(), { once: true });
    const isEnded = cause === 'exit';
    const grace = options.grace * 1000;
    const now = () => this.#host.now();
    if (isEnded && !this.#policy.allows(now())) return this.#giveUp(cause);
    // What it has left would keep its port, and answer in place of the next one.
    const tidied = isEnded ? child.stop(grace, 'SIGTERM') : undefined;
    await Promise.all([sleep(this.#policy.wait(cause, now()), restart.signal, this.#host), tidied]);
    if (restart.signal.aborted) return;
    if (!isEnded) {
      log(`${id}: ${found}`);
      if (!this.#policy.allows(now())) return this.#giveUp(cause);
      log(`${id}: SIGTERM, and SIGKILL in ${options.grace} s`);
      this.#isReplaced = true;
      await child.stop(grace, 'SIGTERM');
      this.#isReplaced = false;
      if (this.#isLast) return;
    }
    this.#policy.restarted(cause, now());
    log(`${id}: restart ${this.#policy.count} (${this.#policy.causes})`);
    this.#launch();
  }

  async #giveUp(cause: Cause): Promise<void> {
    const { id, log } = this.#given;
    log(`${id}: ${cause}, and no restart is left of --max-restarts`);
    await this.stop('SIGTERM', GAVE_UP);
  }

  /** No more restarts, and no more traffic; what runs goes on. */
  retire(): void {
    this.#isLast = true;
    this.#deadline.end();
    this.#restart.abort();
  }

  /** Ends the command by a signal, or by the one that it got already; the first call counts. */
  stop(signal: NodeJS.Signals | undefined, exitCode?: number): Promise<void> {
    this.retire();
    this.#stopping ??= this.#stop(signal, exitCode);
    return this.#stopping;
  }

  async #stop(signal: NodeJS.Signals | undefined, exitCode: number | undefined): Promise<void> {
    const { id, options, log } = this.#given;
    const ending = await this.#child?.stop(options.grace * 1000, signal);
    if (ending?.error) log(`${id}: ${describeEnding(ending)}`);
    const { count, causes } = this.#policy;
    if (count > 0) log(`${id}: restarted ${count === 1 ? 'once' : `${count} times`} (${causes})`);
    this.#finish(exitCode ?? (ending === undefined ? 0 : exitCodeOf(ending)));
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.retire();
    await this.#child?.stop(0, undefined);
    await this.stop(undefined);
  }

  async close(): Promise<void> {
    this.#own?.close();
    this.#deadline.end();
    for (const turns of this.#turns.splice(0)) turns.close();
    this.#given.probe?.close();
    this.#registry.close();
    await this.#datagrams?.close();
  }
}
