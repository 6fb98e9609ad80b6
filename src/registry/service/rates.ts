/** How often one instance may ask. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Registry } from '../registry.js';
import { ServiceError } from './errors.js';

/** So many requests a second at the least, and so many for each heartbeat that is due. */
const LEAST = 20;
const PER_BEAT = 5;
const POINTS = 100_000;

/**
 * A window of a second for each instance that is known: five times its heartbeats, of both
 * signals, at least twenty. Ids that are not known cost a look-up, and no memory.
 */
export class InstanceRates {
  readonly #registry: Registry;
  readonly #limiter = new RateLimiterMemory({ points: POINTS, duration: 1 });

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** @throws ServiceError `rate-limited` */
  async check(id: string): Promise<void> {
    const interval = this.#registry.get(id)?.heartbeatInterval ?? 1000;
    const allowed = Math.max(LEAST, (PER_BEAT * 2 * 1000) / interval);
    try {
      await this.#limiter.consume(id, Math.max(1, Math.floor(POINTS / allowed)));
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      const message = `more than ${Math.floor(allowed)} requests a second of one instance`;
      throw new ServiceError('rate-limited', message, { 'retry-after': '1' });
    }
  }
}

/** How often an address may guess a token for the page. */
export class SignInRates {
  readonly #limiter = new RateLimiterMemory({ points: 10, duration: 60 });

  /** @throws ServiceError `rate-limited` */
  async check(address: string): Promise<void> {
    const state = await this.#limiter.get(address);
    if (state !== null && state.consumedPoints >= 10) {
      throw new ServiceError('rate-limited', 'too many wrong tokens: wait a minute', {
        'retry-after': '60',
      });
    }
  }

  async failed(address: string): Promise<void> {
    await this.#limiter.penalty(address);
  }
}
