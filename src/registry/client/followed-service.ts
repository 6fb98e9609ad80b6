/** The targets of one service, kept right by watching. */
import { Emitter, Events, type ListenerError } from '../../core/emitter.js';
import type { Host } from '../../core/host.js';
import { Picker, RAMP_STEPS } from '../pick.js';
import type { Route, Target, WatchEvent } from '../views.js';
import { Backoff } from './backoff.js';
import { RegistryError } from './http.js';
import { LastKnown, type RouteAnswer } from './last-known.js';

const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');

/** Between two questions while the registry may know less than we do, in ms. */
const LEARNING = 1000;
/** Between two questions however much changes, in ms. */
const LEAST_GAP = 50;

export interface FollowTools {
  readonly host: Host;
  readonly random: () => number;
  readonly onError: (error: RegistryError) => void;
  readonly route: (signal: AbortSignal) => Promise<RouteAnswer>;
  readonly watch: (
    signal: AbortSignal,
    onEpoch: (epoch: string) => void,
  ) => AsyncIterable<WatchEvent>;
}

/** The events of a {@link FollowedService}. */
export interface FollowEvents {
  /** A target has come or gone, or its weight has changed but for rising. */
  change: readonly Target[];
  error: ListenerError;
}

/**
 * A list of targets that stays right: changes arrive as they happen, weights rise by the clock, and
 * while the registry is away or still learning the last known good list goes on. It never throws.
 */
export class FollowedService extends Emitter<FollowEvents> {
  readonly service: string;
  /** Resolves when the registry has answered for the first time, or at {@link close}. */
  readonly ready: Promise<void>;
  readonly #tools: FollowTools;
  readonly #list = new LastKnown();
  readonly #events: Events<FollowEvents>;
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.close();
  #resolveReady = () => {};
  #targets: readonly Target[] = Object.freeze([]);
  #picker = new Picker([]);
  /** Until then the weights are right as they are. */
  #until = -Infinity;
  #shown = '[]';
  #wanted = false;
  #asking = false;
  #timer: unknown;

  /** @internal use RegistryClient.follow */
  constructor(service: string, tools: FollowTools, signal: AbortSignal | undefined) {
    const events = new Events<FollowEvents>();
    super(events);
    this.#events = events;
    this.service = service;
    this.#tools = tools;
    this.#signal = signal;
    this.ready = new Promise((resolve) => {
      this.#resolveReady = resolve;
    });
    signal?.addEventListener('abort', this.#abort, { once: true });
    if (signal?.aborted) this.close();
    else {
      void this.#watch();
      this.#ask();
    }
  }

  /** The targets with their weights at this moment; the last known good ones after {@link close}. */
  get targets(): readonly Target[] {
    this.#settle();
    return this.#targets;
  }

  /** What the registry said last: a {@link Route}'s mode; undefined before it has answered. */
  get mode(): Route['mode'] | undefined {
    return this.#list.mode;
  }

  /**
   * One target by weighted power of two choices, as `Registry.pick` has it; undefined if there is
   * none, as for a service that nobody has registered yet.
   */
  pick(): Target | undefined {
    this.#settle();
    return this.#picker.pick(this.#tools.random);
  }

  /**
   * Calls `listener` with the targets when one comes or goes, or its weight changes but for rising.
   *
   * @returns what removes the listener
   */
  onChange(listener: (targets: readonly Target[]) => void): () => void {
    this.on('change', listener);
    return () => void this.off('change', listener);
  }

  /** Stops watching, for good; the list stays as it is. */
  close(): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#tools.host.clearTimeout(this.#timer);
    this.#events.clear();
    this.#resolveReady();
  }

  /** {@link close}, for `using`. */
  [DISPOSE](): void {
    this.close();
  }

  /** Follows the events, over as many connections and refusals as it takes. */
  async #watch(): Promise<void> {
    const { signal } = this.#ended;
    const { host, random, watch } = this.#tools;
    const backoff = new Backoff(host, random);
    const onEpoch = (epoch: string) => this.#list.beginEpoch(epoch, host.now());
    while (!signal.aborted) {
      try {
        for await (const event of watch(signal, onEpoch)) {
          if (signal.aborted) return;
          backoff.reset();
          this.#list.take(event, host.now());
          this.#changed();
          this.#ask();
        }
      } catch (error) {
        this.#failed(error);
      }
      await backoff.wait(signal);
    }
  }

  /** The route is to be asked for: now, or after the answer that is awaited. */
  #ask(): void {
    this.#wanted = true;
    if (!this.#asking) void this.#askAll();
  }

  async #askAll(): Promise<void> {
    const { signal } = this.#ended;
    const { host, random, route } = this.#tools;
    const backoff = new Backoff(host, random);
    this.#asking = true;
    while (this.#wanted && !signal.aborted) {
      this.#wanted = false;
      this.#list.ask();
      try {
        this.#list.answer(await route(signal), host.now());
      } catch (error) {
        if (signal.aborted) break;
        this.#failed(error);
        this.#wanted = true;
        await backoff.wait(signal);
        continue;
      }
      if (signal.aborted) break;
      backoff.reset();
      this.#changed();
      this.#resolveReady();
      this.#askLater();
      await this.#gap();
    }
    this.#asking = false;
  }

  /** What a registry learns is no event, nor is that it knows enough. */
  #askLater(): void {
    const { host } = this.#tools;
    host.clearTimeout(this.#timer);
    if (this.#list.isUncertain) this.#timer = host.setTimeout(() => this.#ask(), LEARNING);
  }

  #gap(): Promise<void> {
    return new Promise((resolve) => this.#tools.host.setTimeout(resolve, LEAST_GAP));
  }

  #failed(error: unknown): void {
    if (this.#ended.signal.aborted) return;
    const told =
      error instanceof RegistryError
        ? error
        : new RegistryError(0, 'bad-answer', `${this.service}: ${String(error)}`, { cause: error });
    this.#events.isolate('onError', () => this.#tools.onError(told));
  }

  /** The list is another, perhaps. */
  #changed(): void {
    this.#until = -Infinity;
    this.#settle();
    const shown = JSON.stringify(
      this.#targets.map(({ id, address, weight, rising }) => [id, address, rising?.full ?? weight]),
    );
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#events.emit('change', this.#targets);
  }

  #settle(): void {
    const now = this.#tools.host.now();
    if (now < this.#until) return;
    this.#targets = Object.freeze(this.#list.targets(now));
    this.#picker = new Picker(this.#targets);
    const steps = this.#targets.map(({ rising }) => (rising?.over ?? Infinity) / RAMP_STEPS);
    this.#until = now + steps.reduce((a, b) => Math.min(a, b), Infinity);
  }
}
