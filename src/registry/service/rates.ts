/**
 * How often one may ask. Whoever asks spends a budget of his own: what a stranger does in the name
 * of an instance, or with a wrong token, leaves the budget of its holder as it is.
 */
import { subscriberOf } from '../networks.js';
import { ServiceError } from './errors.js';
import type { Grant } from './tokens.js';

/** So many requests a second at the least, and so many for each heartbeat that is due. */
const LEAST = 20;
const PER_BEAT = 5;
/** Wrong tokens a minute from one address that are told apart from a guess. */
const GUESSES = 10;

/** Who asks: by which token, and from where. */
export interface Asker {
  readonly grant: Grant;
  readonly address: string;
}

/** By what askers are told from each other. */
export const keyOf = ({ grant, address }: Asker): string => `${grant.key} ${subscriberOf(address)}`;

interface Window {
  readonly end: number;
  count: number;
}

/** Counts by key. The window of a key begins with the first that is counted, and then another one does. */
class Windows {
  readonly #ms: number;
  /** Of keys that were new before the last turn, and since. The former are over by the next turn. */
  #before = new Map<string, Window>();
  #now = new Map<string, Window>();
  #turn = -Infinity;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Counts one more; how many there were with it. */
  count(key: string): number {
    const now = performance.now();
    if (now - this.#turn >= this.#ms) {
      this.#turn = now;
      this.#before = this.#now;
      this.#now = new Map();
    }
    const window = this.#now.get(key) ?? this.#before.get(key);
    if (window !== undefined && window.end > now) return ++window.count;
    this.#now.set(key, { end: now + this.#ms, count: 1 });
    return 1;
  }
}

export class Rates {
  readonly #windows = new Windows(1000);

  #spend(key: string, allowed: number, what: string): void {
    if (this.#windows.count(key) <= allowed) return;
    const message = `more than ${Math.floor(allowed)} ${what} a second`;
    throw new ServiceError('rate-limited', message, { 'retry-after': '1' });
  }

  /**
   * Heartbeats of one life of an instance: five times those that are due, of both signals, at least
   * twenty. Those that were proved to be its holder's have a budget that nobody else can spend; the
   * others, where nothing has to be proved, have one by asker.
   *
   * @throws ServiceError `rate-limited`
   */
  beat(asker: Asker, instance: BeatingInstance, proved: boolean): void {
    const { id, generation, heartbeatInterval } = instance;
    const allowed = Math.max(LEAST, (PER_BEAT * 2 * 1000) / heartbeatInterval);
    const by = proved ? 'holder' : keyOf(asker);
    this.#spend(`beat ${by} ${generation} ${id}`, allowed, 'heartbeats of one instance');
  }

  /** Registrations of an id that is known, by who asks for them. @throws ServiceError `rate-limited` */
  registration(asker: Asker, id: string): void {
    this.#spend(`register ${keyOf(asker)} ${id}`, LEAST, 'registrations of one instance');
  }

  /** Failures of an instance, by who reports them. @throws ServiceError `rate-limited` */
  report(asker: Asker, id: string): void {
    this.#spend(`report ${keyOf(asker)} ${id}`, LEAST, 'reports of one instance');
  }

  /**
   * A proof was wrong: of a lease that is another's. Only further wrong ones are refused for it, for
   * the right one may come by the same token and from the same address.
   *
   * @throws ServiceError `rate-limited`
   */
  wrong(asker: Asker): void {
    this.#spend(`wrong ${keyOf(asker)}`, LEAST, 'wrong secrets');
  }
}

/** What of an instance says how often it beats. */
export interface BeatingInstance {
  readonly id: string;
  readonly generation: number;
  readonly heartbeatInterval: number;
}

/** How often an address may guess a token, be it to sign in or with a request. */
export class SignInRates {
  readonly #windows = new Windows(60_000);

  /**
   * A token was wrong. The right one is never refused for that: it may come from behind the same
   * proxy as the guesses of others.
   *
   * @throws ServiceError `rate-limited`
   */
  wrong(address: string): void {
    if (this.#windows.count(subscriberOf(address)) > GUESSES) {
      throw new ServiceError('rate-limited', 'too many wrong tokens: wait a minute', {
        'retry-after': '60',
      });
    }
  }
}
