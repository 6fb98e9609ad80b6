/** What a detector says, and how its listeners are called: none of them can stop another. */
import { EventEmitter } from 'eventemitter3';
import type { MassSilenceEvent } from './mass-silence.js';
import { checkType } from './validate.js';

/** Why a peer changed. */
export type Reason =
  | 'silence'
  | 'max-silence'
  | 'mass-silence'
  | 'stall'
  | 'heartbeat'
  | 'restored';

/** A peer crossed a level of φ, upwards or downwards. Times in ms of the detector's clock. */
export interface Transition<Id = string> {
  readonly peer: Id;
  /** φ at `at`; for what a heartbeat causes, φ just before it. */
  readonly phi: number;
  /** The computed instant of the crossing; for what a heartbeat causes, its time. */
  readonly due: number;
  /** When it was said. */
  readonly at: number;
  /** Since the last heartbeat, or since the watch began if there was none. */
  readonly silence: number;
  /** The highest level crossed from now on, `'suspect'` among them; undefined for none. */
  readonly level: string | undefined;
  /** The highest level crossed before. */
  readonly previous: string | undefined;
  readonly reason: Reason;
}

/**
 * A heartbeat came later than halfway between its expected time (the mean after the last one,
 * and the pause) and its deadline. Times in ms of the detector's clock.
 */
export interface LateHeartbeat<Id = string> {
  readonly peer: Id;
  readonly at: number;
  readonly expected: number;
  /** The instant at which silence would have been, or was, suspected. */
  readonly due: number;
  readonly silence: number;
  /** φ just before the heartbeat. */
  readonly phi: number;
}

/** This process could not run: time in which silence does not count. */
export interface Stall {
  /** When it was noticed, in ms of the detector's clock. */
  readonly at: number;
  /** In ms. */
  readonly duration: number;
}

/** A listener threw. */
export interface ListenerError {
  readonly error: unknown;
  /** The event that it listened to. */
  readonly event: string;
}

/** The events of a detector, by name. */
export interface FailureDetectorEvents<Id = string> {
  /** φ reached the threshold, or the silence `maxSilence`. */
  suspect: Transition<Id>;
  /** A suspected peer has earned its return. */
  available: Transition<Id>;
  /** φ crossed a level of option `levels`, upwards or downwards. */
  level: Transition<Id>;
  late: LateHeartbeat<Id>;
  stall: Stall;
  'mass-silence': MassSilenceEvent;
  error: ListenerError;
}

export interface ListenOptions {
  /** Removes the listener when it is aborted. */
  signal?: AbortSignal;
}

/** One listener of one event. */
interface Registration {
  readonly event: string;
  readonly listener: unknown;
  readonly signal: AbortSignal | undefined;
  readonly call: (payload: unknown) => void;
}

/** Registrations that one signal ends, with one abort listener however many they are. */
interface Scope {
  readonly abort: () => void;
  readonly members: Set<Registration>;
}

const always = (): boolean => true;

/**
 * Typed events over eventemitter3, with what that leaves out: a listener that throws does not stop
 * the others; what is said while listeners run is said after them, so that all hear all events in
 * the order in which they came about; listeners go with their signal.
 */
export class Events<Payloads extends { error: ListenerError }> {
  readonly #emitter = new EventEmitter();
  readonly #registrations = new Set<Registration>();
  readonly #scopes = new Map<AbortSignal, Scope>();
  readonly #posted: (() => void)[] = [];
  readonly #around: (after: boolean) => void;
  #flushing = false;

  /** @param around called before listeners are, and after */
  constructor(around: (after: boolean) => void = () => {}) {
    this.#around = around;
  }

  add<E extends keyof Payloads & string>(
    event: E,
    listener: (payload: Payloads[E]) => void,
    once: boolean,
    signal: AbortSignal | undefined,
  ): void {
    checkType('listener', 'a function', listener, typeof listener === 'function');
    if (signal?.aborted) return;
    const call = (payload: unknown) => {
      if (!this.#registrations.has(registration)) return; // gone since the event was posted
      if (once) this.#remove(registration);
      try {
        listener(payload as Payloads[E]);
      } catch (error) {
        this.report(error, event);
      }
    };
    const registration: Registration = { event, listener, signal, call };
    this.#emitter.on(event, call);
    this.#registrations.add(registration);
    if (signal !== undefined) this.#scopeOf(signal).members.add(registration);
  }

  /** Removes a listener, or all listeners. */
  off(event?: string, listener?: unknown): void {
    for (const each of this.#registrations) {
      const meant = each.event === event && each.listener === listener;
      if (meant || event === undefined) this.#remove(each);
    }
  }

  hasListeners(event: keyof Payloads & string): boolean {
    return this.#emitter.listenerCount(event) > 0;
  }

  /** Says an event at the next {@link flush}, if `live` holds then. */
  post<E extends keyof Payloads & string>(event: E, payload: Payloads[E], live = always): void {
    this.#posted.push(() => {
      if (live()) this.#emitter.emit(event, payload);
    });
  }

  /** Says what was posted, in order; what listeners cause comes after it. */
  flush(): void {
    if (this.#flushing || this.#posted.length === 0) return;
    this.#flushing = true;
    this.#around(false);
    for (const say of this.#posted) say(); // grows meanwhile
    this.#posted.length = 0;
    this.#around(true);
    this.#flushing = false;
    this.flush(); // what was noticed after them
  }

  #remove(registration: Registration): void {
    const { event, call, signal } = registration;
    this.#registrations.delete(registration);
    this.#emitter.off(event, call);
    const scope = signal && this.#scopes.get(signal);
    if (scope?.members.delete(registration) && scope.members.size === 0) {
      this.#scopes.delete(signal as AbortSignal);
      signal?.removeEventListener('abort', scope.abort);
    }
  }

  #scopeOf(signal: AbortSignal): Scope {
    let scope = this.#scopes.get(signal);
    if (scope === undefined) {
      const members = new Set<Registration>();
      const abort = () => {
        for (const each of members) this.#remove(each);
      };
      scope = { abort, members };
      this.#scopes.set(signal, scope);
      signal.addEventListener('abort', abort);
    }
    return scope;
  }

  /** Says, as event `error`, what a listener or another call-back of that event threw. */
  report(error: unknown, event: string): void {
    // Nobody else would learn of an error that no one listens for, or of one in an error listener.
    if (event === 'error' || !this.hasListeners('error')) {
      console.error(`phi-accrual: a listener of '${event}' threw:`, error);
    } else {
      this.post('error', { error, event } as Payloads['error']);
    }
  }
}
