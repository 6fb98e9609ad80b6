/** A lease on the side of the node that holds it. */
import { Emitter, Events } from '../../core/emitter.js';
import { checkBoolean, checkObject } from '../../core/validate.js';
import type { LeaseEvents } from './lease-events.js';
import { LeaseKeeper, type LeaseTools, type Say } from './lease-keeper.js';
import type { Granted, RegistrationRequest } from './registration.js';
import type { Credentials } from './signed-beats.js';

/**
 * A lease that beats until it is closed, and registers again when the registry has lost it. It
 * never fights: once somebody else holds the id it is fenced.
 */
export class HeldLease extends Emitter<LeaseEvents> {
  readonly #request: RegistrationRequest;
  readonly #keeper: LeaseKeeper;
  readonly #now: () => number;

  /** @internal use RegistryClient.register */
  constructor(tools: LeaseTools, request: RegistrationRequest, granted: Granted) {
    const events = new Events<LeaseEvents>();
    super(events);
    this.#request = request;
    this.#now = tools.host.now;
    const say: Say = (event, payload) => {
      // Those that are tried again, if nobody wants to know of them; a listener's own are told.
      if (event === 'error' && !events.hasListeners('error')) return;
      events.emit(event, payload);
    };
    this.#keeper = new LeaseKeeper(tools, request, granted, say);
  }

  /** @internal the first beat leaves now */
  start(): void {
    this.#keeper.start();
  }

  get id(): string {
    return this.#request.id;
  }

  get service(): string | undefined {
    return this.#request.service;
  }

  get address(): string | undefined {
    return this.#request.address;
  }

  /** The number of the registration; higher after the registry has lost the lease. */
  get generation(): number {
    return this.#keeper.granted.generation;
  }

  /** What proves that the lease is ours. Another one in each generation. */
  get secret(): string {
    return this.#keeper.granted.secret;
  }

  /** In ms. */
  get heartbeatInterval(): number {
    return this.#keeper.granted.heartbeatInterval;
  }

  /** In ms. */
  get ttl(): number {
    return this.#keeper.ttl;
  }

  /** Turns at which the beat before was still under way by HTTP. */
  get skipped(): number {
    return this.#keeper.skipped;
  }

  /** Aborted once the lease is fenced, deregistered or closed. */
  get ended(): AbortSignal {
    return this.#keeper.ended;
  }

  /** @internal the same client has registered the id again: this lease is over */
  supersede(): void {
    this.#keeper.fence();
  }

  /** @internal what beats of the other signal are sent with. @throws RegistryError without UDP */
  get signing(): { credentials: Credentials; target: { host: string; port: number } } {
    return { credentials: this.#keeper.credentials, target: this.#keeper.udpTarget };
  }

  /** Until when the lease holds, in ms of the client's clock; −Infinity once it does not. */
  get validUntil(): number {
    return this.#keeper.validity.until;
  }

  /**
   * Whether the lease holds at `now`, in ms of the client's clock. It asks nobody: jobs of a process
   * that was frozen, cut off or replaced can stop themselves by it.
   */
  isValid(now = this.#now()): boolean {
    return !this.ended.aborted && this.#keeper.validity.holdsAt(now);
  }

  /** Whether the instance wants traffic; said with the next beat. */
  ready(ready: boolean): this {
    this.#keeper.ready = checkBoolean('ready', ready);
    return this;
  }

  /** Figures of the instance, such as its load; sent with every beat by HTTP, by which the next goes. */
  figures(figures: Readonly<Record<string, number>>): this {
    checkObject('figures', figures);
    this.#keeper.figures = figures;
    return this;
  }

  /**
   * One beat by HTTP, now, or the one that is under way. The registry's word for what became of it.
   *
   * @throws RegistryError
   */
  renew(): Promise<string> {
    return this.#keeper.renew();
  }

  /**
   * Asks for no more traffic, and for no alarm when the beats end; says so again whenever the lease
   * has to be registered again. @throws RegistryError
   */
  drain(): Promise<void> {
    return this.#keeper.drain();
  }

  /** Takes {@link drain} back. @throws RegistryError */
  undrain(): Promise<void> {
    return this.#keeper.undrain();
  }

  /** Ends the lease here at once, and at the registry. @throws RegistryError if that did not hear */
  async deregister(): Promise<void> {
    const fenced = this.ended.aborted;
    this.close();
    if (!fenced) await this.#keeper.call('DELETE', '');
  }

  /** Stops beating, for good; the registry finds out. No event comes after it. */
  close(): void {
    this.#keeper.end();
    this.removeAllListeners();
  }
}
