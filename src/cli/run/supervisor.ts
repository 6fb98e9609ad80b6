/** A registry of one instance, and what keeps that instance running. */
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  type InstanceView,
  type Lease,
  Registry,
  type RestartCause,
} from '../../registry/index.js';
import { Datagrams } from '../../registry/service/datagrams.js';
import { Turns } from '../../sources/turns.js';
import { type Probe, probing } from './beats.js';
import { Child, describeEnding, type Ending } from './child.js';
import type { RunOptions } from './options.js';
import { ORDER, type RunOrder } from './order.js';

/** Longer than any back-off: a lease that runs out would be a reason not to restart. */
const TTL = 2 ** 31 - 1;

/**
 * A member of the same service: this process itself. Where one is alone and falls silent, everybody
 * is down, which speaks against the observer, and for no restart; that it hears itself says that it
 * is not the observer.
 */
const WITNESS = '(supervisor)';

/** Beside this file in dist. */
const PRELOAD = fileURLToPath(new URL('./run-preload.cjs', import.meta.url));

/**
 * Required and not imported: `--import` makes Node load the program as a module, so that what hooks
 * into `require`, as TypeScript's and Babel's registers do, would never see it.
 */
const PRELOADED = `--require "${PRELOAD.replace(/[\\"]/g, '\\$&')}"`;

/** Whether a command is Node itself, which can be made to beat for itself. */
export const isNode = (command: string): boolean =>
  fileURLToPath(pathToFileURL(process.execPath)) === command ||
  /^(node|nodejs)(\.exe)?$/.test(basename(command));

export interface SupervisorOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly options: RunOptions;
  readonly probe: Probe | undefined;
  readonly log: (line: string) => void;
}

export class Supervisor {
  readonly #given: SupervisorOptions;
  readonly registry: Registry;
  readonly id: string;
  readonly #epoch = randomBytes(8).toString('hex');
  readonly #beatsForItself: boolean;
  /** Whether the present child has beaten. */
  #beaten = false;
  #datagrams: Datagrams | undefined;
  #child: Child | undefined;
  #lease: Lease | undefined;
  #turns: Turns[] = [];
  #own: Turns | undefined;
  #stopping = false;
  #restarting = false;
  #finish: (ending: Ending) => void = () => {};
  /** How it ended for good. */
  readonly finished = new Promise<Ending>((resolve) => {
    this.#finish = resolve;
  });

  constructor(given: SupervisorOptions) {
    const { interval, pause, delay, id } = given.options;
    this.#given = given;
    this.id = id ?? basename(given.command);
    this.#beatsForItself = isNode(given.command);
    this.registry = new Registry({
      heartbeatInterval: interval,
      ttl: TTL,
      detector: { acceptablePause: pause },
      restart: { delay, maxDelay: Math.max(delay, 300_000) },
      // Of one instance there is no majority that could speak for it.
      panic: { below: 0 },
      onRestartNeeded: (instance, cause, signal) => this.#onNeed(instance, cause, signal),
    });
  }

  async start(): Promise<void> {
    this.#datagrams = await Datagrams.open({
      registry: this.registry,
      epoch: this.#epoch,
      unsigned: false,
      port: 0,
      address: '127.0.0.1',
      note: (id) => {
        this.#beaten ||= id === this.id;
      },
    });
    this.registry.begin();
    this.#witness();
    this.#launch();
  }

  #witness(): void {
    const { registry } = this;
    const about = { id: WITNESS, service: this.#service, address: '-' };
    const { generation } = registry.register(about);
    const beat = () => void registry.heartbeat(WITNESS, { generation });
    this.#own = new Turns(beat, { interval: this.#given.options.interval });
    this.#own.start();
  }

  get #service(): string {
    return this.#given.options.service ?? this.id;
  }

  #launch(): void {
    const { command, args, options, probe, log } = this.#given;
    const { registry, id } = this;
    const lease = registry.register({ id, service: this.#service, address: '-' });
    this.#beaten = false;
    const child = new Child(command, args, this.#environment(lease));
    this.#lease = lease;
    this.#child = child;
    void child.ended.then((ending) => this.#ended(child, ending));
    if (child.pid === undefined) return;
    log(`${id}: pid ${child.pid}`);
    const { generation } = lease;
    const hear = (signal: 'process' | 'service') => registry.heartbeat(id, { generation, signal });
    const { interval } = options;
    // Only who was heard can fall silent, and it may end, or be frozen, before it can beat: it was
    // there once, and from then on its state speaks for it until it does so itself.
    let asked = 0;
    const turns = new Turns(
      () => {
        if (this.#beatsForItself && this.#beaten) turns.close();
        else if (asked++ === 0 || child.runs) hear('process');
      },
      { interval },
    );
    turns.start();
    this.#turns.push(turns);
    if (probe) this.#turns.push(probing(probe, interval, () => hear('service')));
  }

  #environment({ id, generation, secret }: Lease): NodeJS.ProcessEnv {
    if (!this.#beatsForItself) return process.env;
    const { NODE_OPTIONS: nodeOptions } = process.env;
    const order: RunOrder = {
      parent: process.pid,
      credentials: { id, generation, secret, epoch: this.#epoch },
      port: this.#datagrams?.port ?? 0,
      interval: this.#given.options.interval,
      loop: this.#given.probe === undefined,
      nodeOptions,
    };
    return {
      ...process.env,
      [ORDER]: JSON.stringify(order),
      NODE_OPTIONS: nodeOptions === undefined ? PRELOADED : `${nodeOptions} ${PRELOADED}`,
    };
  }

  #ended(child: Child, ending: Ending): void {
    if (child !== this.#child) return;
    for (const turns of this.#turns.splice(0)) turns.close();
    if (this.#stopping) this.#finish(ending);
    if (this.#stopping || this.#restarting) return; // it was asked to
    const { restart } = this.#given.options;
    const failed = ending.code !== 0;
    if (ending.error || restart === 'never' || (restart === 'on-failure' && !failed)) {
      this.#finish(ending);
      return;
    }
    this.#given.log(
      `${this.id}: ${describeEnding(ending)}; it is restarted once it counts as dead`,
    );
  }

  async #onNeed({ generation }: InstanceView, cause: RestartCause, signal: AbortSignal) {
    const { options, log } = this.#given;
    if (this.#stopping || generation !== this.#lease?.generation) return;
    log(`${this.id}: ${cause}`);
    if (options.restart === 'never') return;
    // So that many machines that lost the same thing do not all start at the same instant.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * options.delay));
    if (this.#stopping || signal.aborted) return;
    this.#restarting = true;
    const child = this.#child;
    if (child?.ending === undefined) {
      log(`${this.id}: SIGTERM, and SIGKILL in ${options.grace} s`);
      await child?.stop(options.grace * 1000, 'SIGTERM');
    }
    this.#restarting = false;
    if (this.#stopping) this.#finish(child?.ending ?? { code: null, signal: null });
    else this.#launch();
  }

  /** Hands a signal on. */
  forward(signal: NodeJS.Signals): void {
    this.#child?.signal(signal);
  }

  /** Ends the child by a signal, or by the one that it got already, and restarts it no more. */
  async stop(signal: NodeJS.Signals | undefined): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child === undefined) return this.#finish({ code: 0, signal: null });
    this.#finish(await child.stop(this.#given.options.grace * 1000, signal));
  }

  async close(): Promise<void> {
    this.#own?.close();
    for (const turns of this.#turns.splice(0)) turns.close();
    this.#given.probe?.close();
    this.registry.close();
    await this.#datagrams?.close();
  }
}
