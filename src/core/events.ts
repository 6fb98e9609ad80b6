/** What a detector says, and how its listeners are called: none of them can stop another. */
import { EventEmitter } from 'eventemitter3';

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
  error: ListenerError;
}

export interface ListenOptions {
  /** Removes the listener when it is aborted. */
  signal?: AbortSignal;
}

// biome-ignore lint/suspicious/noExplicitAny: eventemitter3 keeps listeners untyped
type Listener = (payload: any) => void;

/** Listeners that one signal removes. */
interface Scope {
  readonly abort: () => void;
  members: readonly { readonly event: string; readonly listener: Listener }[];
}

/** Typed events over eventemitter3, whose own `emit` stops at the first listener that throws. */
export class Events<Payloads extends { error: ListenerError }> {
  readonly #emitter = new EventEmitter();
  /** One abort listener a signal, however many listeners it removes. */
  readonly #scopes = new Map<AbortSignal, Scope>();
  #closed = false;

  on<E extends keyof Payloads & string>(
    event: E,
    listener: (payload: Payloads[E]) => void,
    options?: ListenOptions,
  ): void {
    if (this.#admits(event, listener, options)) this.#emitter.on(event, listener);
  }

  once<E extends keyof Payloads & string>(
    event: E,
    listener: (payload: Payloads[E]) => void,
    options?: ListenOptions,
  ): void {
    if (this.#admits(event, listener, options)) this.#emitter.once(event, listener);
  }

  off<E extends keyof Payloads & string>(event: E, listener: (payload: Payloads[E]) => void): void {
    this.#emitter.off(event, listener);
    this.#leaveScopes(event, listener);
  }

  hasListeners(event: keyof Payloads & string): boolean {
    return this.#emitter.listenerCount(event) > 0;
  }

  emit<E extends keyof Payloads & string>(event: E, payload: Payloads[E]): void {
    for (const listener of this.#emitter.listeners(event) as Listener[]) {
      if (this.#closed) return; // by the listener before
      this.#emitter.off(event, listener, undefined, true); // if it is a one-time listener
      if (this.#scopes.size > 0 && !this.#emitter.listeners(event).includes(listener)) {
        this.#leaveScopes(event, listener);
      }
      try {
        listener(payload);
      } catch (error) {
        this.#report(error, event);
      }
    }
  }

  /** Removes all listeners, for good. */
  close(): void {
    this.#closed = true;
    this.#emitter.removeAllListeners();
    for (const [signal, { abort }] of this.#scopes) signal.removeEventListener('abort', abort);
    this.#scopes.clear();
  }

  /** Whether a listener may be added; its signal is heeded from now on. */
  #admits(event: string, listener: Listener, options: ListenOptions | undefined): boolean {
    const signal = options?.signal;
    if (this.#closed || signal?.aborted) return false;
    if (signal === undefined) return true;
    let scope = this.#scopes.get(signal);
    if (scope === undefined) {
      const abort = () => {
        const members = this.#scopes.get(signal)?.members ?? [];
        this.#scopes.delete(signal);
        for (const member of members) this.#emitter.off(member.event, member.listener);
      };
      scope = { abort, members: [] };
      this.#scopes.set(signal, scope);
      signal.addEventListener('abort', abort, { once: true });
    }
    scope.members = [...scope.members, { event, listener }];
    return true;
  }

  #leaveScopes(event: string, listener: Listener): void {
    for (const [signal, scope] of this.#scopes) {
      scope.members = scope.members.filter((m) => m.event !== event || m.listener !== listener);
      if (scope.members.length > 0) continue;
      this.#scopes.delete(signal);
      signal.removeEventListener('abort', scope.abort);
    }
  }

  #report(error: unknown, event: string): void {
    // Nobody else would learn of an error that no one listens for, or of one in an error listener.
    if (event === 'error' || !this.hasListeners('error')) {
      console.error(`phi-accrual: a listener of '${event}' threw:`, error);
    } else {
      this.emit('error', { error, event } as Payloads['error']);
    }
  }
}
