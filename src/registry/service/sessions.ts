/** Sessions of the page: a cookie instead of the token, so that no script ever holds it. */
import { randomBytes } from 'node:crypto';
import type { Grant } from './tokens.js';

export const COOKIE = 'phi_accrual_session';

const HOURS_12 = 12 * 3_600_000;
const MOST = 1000;

/** Forgotten with the process: after a restart people sign in again. */
export class Sessions {
  readonly #now: () => number;
  readonly #sessions = new Map<string, { readonly grant: Grant; readonly until: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Seconds that a session lasts. */
  readonly maxAge = HOURS_12 / 1000;

  /** The id of a new session; the oldest goes if there are too many. */
  open(grant: Grant): string {
    const id = randomBytes(32).toString('base64url');
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= MOST) this.#sessions.delete(oldest);
    this.#sessions.set(id, { grant, until: this.#now() + HOURS_12 });
    return id;
  }

  /** An id has 256 random bits: a look-up in a map tells nothing of use by its time. */
  grantOf(id: string): Grant | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined) return undefined;
    if (session.until > this.#now()) return session.grant;
    this.#sessions.delete(id);
    return undefined;
  }

  close(id: string): void {
    this.#sessions.delete(id);
  }
}
