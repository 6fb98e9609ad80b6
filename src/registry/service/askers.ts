/** From where a request comes: the address of the client, also behind proxies that are trusted. */
import type { IncomingMessage } from 'node:http';
import { type BlockList, isIP } from 'node:net';
import { checkNumber, checkType } from '../../core/validate.js';
import { networksOf, within } from '../networks.js';

/**
 * Whose `X-Forwarded-For` is believed: addresses and networks of proxies, as `['10.0.0.0/8']`, or how
 * many proxies each request comes through.
 */
export type TrustProxy = number | readonly string[];

const COUNT = { least: 0, most: 100, integer: true };

/** An address as proxies write it: by itself, or with a port; undefined for anything else. */
function addressIn(text: string): string | undefined {
  const bare = text.trim();
  const [, address = bare] =
    /^\[([^\]]+)\](?::\d+)?$/.exec(bare) ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(bare) ?? [];
  return isIP(address) > 0 ? address : undefined;
}

export class Askers {
  readonly #count: number;
  readonly #networks: BlockList | undefined;

  /** @throws TypeError, RangeError that name the option */
  constructor(trust: TrustProxy = 0) {
    if (typeof trust === 'number') {
      this.#count = checkNumber('trustProxy', trust, COUNT);
      this.#networks = undefined;
    } else {
      const expected = 'a list of networks, or the number of proxies';
      checkType('trustProxy', expected, trust, Array.isArray(trust));
      this.#count = 0;
      this.#networks = trust.length > 0 ? networksOf('trustProxy', trust) : undefined;
    }
  }

  /** Whether connections from there are those of a proxy, which speaks for many. */
  isProxy(address: string): boolean {
    return this.#count > 0 || (this.#networks !== undefined && within(this.#networks, address));
  }

  /**
   * The address of the client: the last one of the way here that is not a trusted proxy's. What a
   * client writes into the header itself stands before that, and is not believed.
   */
  addressOf(incoming: Pick<IncomingMessage, 'socket' | 'headers'> | undefined): string {
    const peer = incoming?.socket?.remoteAddress ?? '';
    if (this.#count === 0 && this.#networks === undefined) return peer;
    const header = incoming?.headers['x-forwarded-for'];
    const said = header === undefined ? [] : String(header).split(',');
    let client = peer;
    for (let hops = 1; this.#trusts(client, hops); hops++) {
      const before = addressIn(said.pop() ?? '');
      if (before === undefined) break; // nobody has said who that proxy speaks for
      client = before;
    }
    return client;
  }

  /** Whether the `hops`-th address of the way back is that of a trusted proxy. */
  #trusts(address: string, hops: number): boolean {
    return this.#networks === undefined ? hops <= this.#count : within(this.#networks, address);
  }
}
