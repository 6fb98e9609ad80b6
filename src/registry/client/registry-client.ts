/** A registry, as nodes and those who route use it over the network. */
import type { Host } from '../../core/host.js';
import { type Clock, resolveSettings } from '../../core/settings.js';
import { checkKeys, checkNumber, checkType } from '../../core/validate.js';
import type { InstanceView } from '../instance.js';
import type { Route, WatchEvent } from '../views.js';
import { Backoff } from './backoff.js';
import { FollowedService } from './followed-service.js';
import { HeldLease } from './held-lease.js';
import { type Fetch, type RegistryError, RegistryHttp } from './http.js';
import type { RouteAnswer } from './last-known.js';
import { checkRequest, type RegistrationRequest, registered } from './registration.js';
import { watchEvents } from './watching.js';

export interface RegistryClientOptions {
  /** Where the registry is, such as `'http://127.0.0.1:7946'`; a path may stand before its own. */
  url: string | URL;
  /** The bearer token for what the client is to do. Default none. */
  token?: string | undefined;
  /** Default: the global `fetch`. */
  fetch?: Fetch;
  /** The node's time in ms, and its timers. Default: the platform's, monotonic. */
  clock?: Clock;
  /** How long an answer may take, in ms. Default 10,000. Beats have shorter ones of their own. */
  timeout?: number;
  /** A connection of `watch` that is silent for so long is opened anew, in ms. Default 60,000. */
  idle?: number;
  /** From 0 to 1, below 1: what delays are drawn by. Default: `Math.random`. */
  random?: () => number;
  /** Told of each failure that is followed by another try, but for those of a lease, which says them. */
  onError?: (error: RegistryError) => void;
}

export interface FailureReport {
  /** The incarnation that failed; a later one is not blamed. Default: the present one. */
  generation?: number;
  /** What happened, for the operators. */
  reason?: string;
}

const KEYS = ['url', 'token', 'fetch', 'clock', 'timeout', 'idle', 'random', 'onError'];
const MS = { least: 1, most: 2 ** 31 - 1, unit: 'ms' };

const query = (service: string | undefined): string =>
  service === undefined ? '' : `?service=${encodeURIComponent(service)}`;

/** Registers, routes and watches at one registry; it holds no connection of its own. */
export class RegistryClient {
  readonly #http: RegistryHttp;
  readonly #host: Host;
  readonly #random: () => number;
  readonly #timeout: number;
  readonly #idle: number;
  readonly #onError: (error: RegistryError) => void;
  /** By id, those that are held. */
  readonly #leases = new Map<string, HeldLease>();

  /** @throws TypeError, RangeError that name the option, what was expected and what came */
  constructor(options: RegistryClientOptions) {
    checkType('options', 'an object', options, options !== undefined);
    const given = checkKeys('options', options, KEYS);
    const { url, token, clock, random = Math.random, onError = () => {} } = given;
    for (const key of ['fetch', 'random', 'onError'] as const) {
      const value = given[key];
      checkType(key, 'a function', value, value === undefined || typeof value === 'function');
    }
    this.#timeout = checkNumber('timeout', given.timeout ?? 10_000, MS);
    this.#idle = checkNumber('idle', given.idle ?? 60_000, MS);
    this.#host = resolveSettings(clock === undefined ? undefined : { clock }).host;
    this.#random = random;
    this.#onError = onError;
    // Looked up when it is called: who replaces the global one means this client too.
    const fetch: Fetch = given.fetch ?? ((...args) => globalThis.fetch(...args));
    this.#http = new RegistryHttp(url, token, fetch, this.#host);
  }

  /**
   * A lease that beats. While the registry is away or overloaded, or a living instance holds the id,
   * it is asked again, with delays. A lease of the same id that this client holds ends with it.
   *
   * @throws TypeError, RangeError (as a rejection) for a request that no registry takes;
   * RegistryError if it is refused; the signal's reason if that was aborted
   */
  async register(request: RegistrationRequest): Promise<HeldLease> {
    checkRequest(request);
    const kept = { ...request };
    const { id } = kept;
    const granted = await registered(kept, {
      http: this.#http,
      host: this.#host,
      backoff: new Backoff(this.#host, this.#random),
      timeout: this.#timeout,
      signal: request.signal,
      onError: this.#onError,
      secret: this.#leases.get(id)?.secret,
      strict: true,
    });
    const tools = { http: this.#http, host: this.#host, random: this.#random };
    // Else its next beat, if this lease is over by then, would register the id once more.
    this.#leases.get(id)?.supersede();
    const lease = new HeldLease(tools, kept, granted);
    this.#leases.set(id, lease);
    const forget = () => this.#leases.get(id) === lease && this.#leases.delete(id);
    lease.ended.addEventListener('abort', forget, { once: true });
    lease.start();
    return lease;
  }

  /** Where requests for a service may go now. @throws RegistryError */
  async route(service: string): Promise<Route> {
    return (await this.#get(`/services/${encodeURIComponent(service)}/route`)) as unknown as Route;
  }

  /** All instances, or those of a service. @throws RegistryError */
  async instances(service?: string): Promise<InstanceView[]> {
    return (await this.#get(`/instances${query(service)}`)).instances as InstanceView[];
  }

  /** One instance with its explanation. @throws RegistryError, with status 404 for an unknown id */
  async instance(id: string): Promise<Record<string, unknown>> {
    return await this.#get(`/instances/${encodeURIComponent(id)}`);
  }

  /**
   * A snapshot, then every change once and in order; a new snapshot where the registry could not
   * tell what was missed. It reconnects by itself. Ends when `signal` is aborted.
   *
   * @throws RegistryError for a refusal that asking again would not change
   */
  watch(
    service?: string,
    options: { signal?: AbortSignal } = {},
  ): AsyncIterableIterator<WatchEvent> {
    const { signal } = checkKeys('options', options, ['signal']);
    return this.#watch(service, signal);
  }

  #watch(
    service: string | undefined,
    signal: AbortSignal | undefined,
    onEpoch?: (epoch: string) => void,
  ) {
    return watchEvents(`/events${query(service)}`, {
      http: this.#http,
      host: this.#host,
      random: this.#random,
      idle: this.#idle,
      signal,
      onError: this.#onError,
      ...(onEpoch && { onEpoch }),
    });
  }

  /**
   * The targets of a service as a list that stays right by watching, with `pick()` for one of them.
   * It begins empty; `ready` resolves with the first answer. While the registry is away, or has
   * started anew and is learning, the last known good list goes on; failures come to `onError`.
   *
   * @throws TypeError for what is no service, or no signal
   */
  follow(service: string, options: { signal?: AbortSignal } = {}): FollowedService {
    checkType('service', 'a string', service, typeof service === 'string');
    const { signal } = checkKeys('options', options, ['signal']);
    const isSignal = signal === undefined || typeof signal?.addEventListener === 'function';
    checkType('signal', 'an AbortSignal', signal, isSignal);
    const path = `/services/${encodeURIComponent(service)}/route`;
    const tools = {
      host: this.#host,
      random: this.#random,
      onError: this.#onError,
      route: async (until: AbortSignal) =>
        (await this.#http.json('GET', path, {
          timeout: this.#timeout,
          signal: until,
        })) as unknown as RouteAnswer,
      watch: (until: AbortSignal, onEpoch: (epoch: string) => void) =>
        this.#watch(service, until, onEpoch),
    };
    return new FollowedService(service, tools, signal);
  }

  /** Says that a request to the instance failed, so that nobody is sent there meanwhile. @throws RegistryError */
  async reportFailure(id: string, report: FailureReport = {}): Promise<void> {
    const body = checkKeys('report', report, ['generation', 'reason']);
    await this.#send('POST', `/instances/${encodeURIComponent(id)}/failure`, body);
  }

  /** As an operator: no traffic to it any more. @throws RegistryError */
  async drain(id: string): Promise<void> {
    await this.#send('POST', `/instances/${encodeURIComponent(id)}/drain`);
  }

  /** As an operator: takes {@link drain} back. @throws RegistryError */
  async undrain(id: string): Promise<void> {
    await this.#send('POST', `/instances/${encodeURIComponent(id)}/undrain`);
  }

  /** As an operator: ends the lease, whoever holds it. @throws RegistryError */
  async remove(id: string): Promise<void> {
    await this.#send('DELETE', `/instances/${encodeURIComponent(id)}?force=1`);
  }

  #get(path: string): Promise<Record<string, unknown>> {
    return this.#http.json('GET', path, { timeout: this.#timeout });
  }

  #send(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    return this.#http.json(method, path, { body, timeout: this.#timeout });
  }
}
