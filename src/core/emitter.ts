/**
 * An EventEmitter whose listeners cannot harm each other: eventemitter3, with what that leaves out.
 * {@link Emitter} is what users see of it, {@link Events} what its owner emits by.
 */
import { EventEmitter } from 'eventemitter3';
import { checkType } from './validate.js';

/** A listener threw, or the promise that it returned was rejected. */
export interface ListenerError {
  readonly error: unknown;
  /** The event that it listened to. */
  readonly event: string;
}

export interface ListenOptions {
  /** Removes the listener when it is aborted. */
  signal?: AbortSignal;
  /** The `this` of the listener. Default the emitter. */
  context?: unknown;
}

type Payloads = { error: ListenerError };
type Call = (...args: unknown[]) => void;
type Listener = (...args: never[]) => unknown;

/** One listener of one event. */
interface Registration {
  readonly event: string;
  readonly listener: Listener;
  readonly context: unknown;
  readonly once: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Calls that one signal removes, with one abort listener however many they are. */
interface Scope {
  readonly abort: () => void;
  readonly calls: Set<Call>;
}

const always = (): boolean => true;

/**
 * Emits the events of an {@link Emitter}. What listeners cause is emitted after the present event,
 * so that all of them hear all events in the order in which they came about.
 */
export class Events<P extends Payloads> {
  #emitter: Emitter<P> | undefined;
  readonly #posted: (() => void)[] = [];
  readonly #around: (after: boolean) => void;
  readonly #outward: <T>(payload: T) => T;
  #flushing = false;

  /**
   * @param around called before listeners are, and after
   * @param outward makes a payload what listeners are to have
   */
  constructor(
    around: (after: boolean) => void = () => {},
    outward: <T>(payload: T) => T = (payload) => payload,
  ) {
    this.#around = around;
    this.#outward = outward;
  }

  /** @internal for the constructor of {@link Emitter} */
  attach(emitter: Emitter<P>): void {
    this.#emitter = emitter;
  }

  hasListeners(event: keyof P & string): boolean {
    return this.#emitter !== undefined && this.#emitter.listenerCount(event) > 0;
  }

  /** Emits an event at the next {@link flush}, if `live` holds then. */
  post<E extends keyof P & string>(event: E, payload: P[E], live = always): void {
    this.postAll(event, [this.#outward(payload)], live);
  }

  /** @internal {@link post}, with as many arguments as there are */
  postAll(event: string, args: unknown[], live = always): void {
    this.#posted.push(() => {
      const emitter = this.#emitter;
      if (emitter && live()) EventEmitter.prototype.emit.call(emitter, event, ...args);
    });
  }

  /** Emits an event: now, or after the present one if a listener causes it. */
  emit<E extends keyof P & string>(event: E, payload: P[E]): void {
    this.post(event, payload);
    this.flush();
  }

  /** Emits what was posted, in order; what listeners cause comes after it. */
  flush(): void {
    if (this.#flushing || this.#posted.length === 0) return;
    this.#flushing = true;
    this.#around(false);
    for (const emit of this.#posted) emit(); // grows meanwhile
    this.#posted.length = 0;
    this.#around(true);
    this.#flushing = false;
    this.flush(); // what was noticed after them
  }

  /** Calls a listener, or another call-back of an event: its error is one of {@link report}. */
  isolate(event: string, call: () => unknown): void {
    try {
      const result = call() as PromiseLike<unknown> | undefined;
      if (typeof result?.then !== 'function') return;
      result.then(undefined, (error: unknown) => {
        this.report(error, event);
        this.flush();
      });
    } catch (error) {
      this.report(error, event);
    }
  }

  /** Posts, as event `error`, what a listener or another call-back of that event threw. */
  report(error: unknown, event: string): void {
    // Nobody else would learn of an error that no one listens for, or of one in an error listener.
    if (event === 'error' || !this.hasListeners('error')) {
      console.error(`phi-accrual: a listener of '${event}' threw:`, error);
    } else {
      this.post('error', { error, event } as P['error']);
    }
  }

  /** Removes all listeners. */
  clear(): void {
    this.#emitter?.removeAllListeners();
  }
}

/**
 * Options are a plain object with nothing but `signal` and `context`; whatever else comes as the
 * third argument is the context, as eventemitter3 has it.
 */
function optionsOf(given: unknown): ListenOptions {
  if (typeof given === 'object' && given !== null) {
    const prototype = Object.getPrototypeOf(given);
    const plain = prototype === null || Object.getPrototypeOf(prototype) === null;
    const keys = Object.keys(given);
    const known = keys.every((key) => key === 'signal' || key === 'context');
    if (plain && known && keys.length > 0) return given as ListenOptions;
  }
  return { context: given };
}

/**
 * The whole interface of eventemitter3. Beyond that, a listener that throws or rejects stops
 * nobody, and is event `error`; what listeners cause is emitted after the present event; a listener
 * goes with its `signal`, and is not called any more once it was removed, even by another listener
 * of the present event.
 */
// biome-ignore lint/suspicious/noExplicitAny: its own types cannot say that payloads are a parameter
export class Emitter<P extends Payloads> extends EventEmitter<any> {
  readonly #events: Events<P>;
  readonly #registrations = new Map<Call, Registration>();
  readonly #scopes = new Map<AbortSignal, Scope>();

  /** @internal use what extends it */
  constructor(events: Events<P>) {
    super();
    this.#events = events;
    events.attach(this);
  }

  /**
   * Calls `listener` at each `event`. What it throws, or its promise rejects with, comes as event
   * `error`. `options` are `{ signal, context }`, or, as in eventemitter3, the context alone.
   */
  override on<E extends keyof P & string>(
    event: E,
    listener: (payload: P[E]) => unknown,
    options?: ListenOptions | object,
  ): this {
    return this.#add(event, listener, options, false);
  }

  /** As {@link on}. */
  override addListener<E extends keyof P & string>(
    event: E,
    listener: (payload: P[E]) => unknown,
    options?: ListenOptions | object,
  ): this {
    return this.#add(event, listener, options, false);
  }

  /** As {@link on}, for the next `event` only. */
  override once<E extends keyof P & string>(
    event: E,
    listener: (payload: P[E]) => unknown,
    options?: ListenOptions | object,
  ): this {
    return this.#add(event, listener, options, true);
  }

  /**
   * Removes a listener wherever it listens to `event`, with `context` only there where that is its
   * own, with `once` only there where it comes once; without a listener, all of the event.
   */
  override off<E extends keyof P & string>(
    event?: E,
    listener?: (payload: P[E]) => unknown,
    context?: unknown,
    once?: boolean,
  ): this {
    if (event === undefined || listener === undefined) return this.removeAllListeners(event);
    const wanted = optionsOf(context).context;
    for (const [call, each] of this.#of(event)) {
      const same = each.listener === listener && (!wanted || (each.context ?? this) === wanted);
      if (same && (!once || each.once)) this.#remove(call, each);
    }
    return this;
  }

  /** As {@link off}. */
  override removeListener<E extends keyof P & string>(
    event?: E,
    listener?: (payload: P[E]) => unknown,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.off(event, listener, context, once);
  }

  /** Removes all listeners of `event`, or of all events. */
  override removeAllListeners(event?: keyof P & string): this {
    for (const [call, each] of event === undefined ? this.#registrations : this.#of(event)) {
      this.#remove(call, each);
    }
    return this;
  }

  /**
   * Calls the listeners of `event`, in its turn: after the present event, if this is called by a
   * listener. Whether there are any. The emitter's own events come by themselves.
   */
  override emit<E extends keyof P & string>(event: E, ...args: [payload: P[E]]): boolean {
    const heard = this.#events.hasListeners(event);
    this.#events.postAll(event, args);
    this.#events.flush();
    return heard;
  }

  /** The listeners of `event`, in the order in which they are called. */
  override listeners<E extends keyof P & string>(event: E): ((payload: P[E]) => unknown)[] {
    return this.#of(event).map(([, { listener }]) => listener as (payload: P[E]) => unknown);
  }

  /** How many listeners `event` has. */
  override listenerCount(event: keyof P & string): number {
    return super.listenerCount(event);
  }

  /** The events that have listeners. */
  override eventNames(): (keyof P & string)[] {
    return super.eventNames() as (keyof P & string)[];
  }

  #of(event: string): [Call, Registration][] {
    return super.listeners(event).map((call) => [call, this.#registrations.get(call) as never]);
  }

  #add(event: string, listener: Listener, given: unknown, once: boolean): this {
    checkType('listener', 'a function', listener, typeof listener === 'function');
    const { signal, context } = optionsOf(given);
    const isSignal = signal === undefined || typeof signal?.addEventListener === 'function';
    checkType('signal', 'an AbortSignal', signal, isSignal);
    if (signal?.aborted) return this;
    const registration = { event, listener, context, once, signal };
    const call: Call = (...args) => {
      if (!this.#registrations.has(call)) return; // removed since the event was posted
      if (once) this.#remove(call, registration);
      this.#events.isolate(event, () => listener.apply(context ?? this, args as never[]));
    };
    super.on(event, call);
    this.#registrations.set(call, registration);
    if (signal !== undefined) this.#scopeOf(signal).calls.add(call);
    return this;
  }

  #remove(call: Call, { event, signal }: Registration): void {
    this.#registrations.delete(call);
    super.removeListener(event, call);
    const scope = signal && this.#scopes.get(signal);
    if (scope?.calls.delete(call) && scope.calls.size === 0) {
      this.#scopes.delete(signal as AbortSignal);
      signal?.removeEventListener('abort', scope.abort);
    }
  }

  #scopeOf(signal: AbortSignal): Scope {
    let scope = this.#scopes.get(signal);
    if (scope === undefined) {
      const calls = new Set<Call>();
      const abort = () => {
        for (const call of calls) this.#remove(call, this.#registrations.get(call) as Registration);
      };
      scope = { abort, calls };
      this.#scopes.set(signal, scope);
      signal.addEventListener('abort', abort);
    }
    return scope;
  }
}
