/** A registry of a few lines behind `fetch`, on a fake clock: what it hears, and what it answers. */
import type { Fetch } from '../../src/registry/client/index.js';
import type { AsyncClock } from './async-clock.js';

export interface Heard {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export const SECRET = 'AAECAwQFBgcICQoLDA0ODw';

export class FakeRegistry {
  readonly heard: Heard[] = [];
  readonly members = new Map<string, number>();
  readonly #clock: AsyncClock;
  /** Of each answer, in ms. */
  latency = 1;
  /** Refuses connections. */
  away = false;
  /** Takes requests and answers none. */
  mute = false;
  epoch = '00000000000000aa';
  ttl = 9000;
  heartbeatInterval = 1000;
  udpPort: number | undefined;
  /** Instead of its own answers. */
  answer: ((heard: Heard) => Response | undefined) | undefined;

  constructor(clock: AsyncClock) {
    this.#clock = clock;
  }

  /** What came to a path, in order. */
  to(path: string): Heard[] {
    return this.heard.filter((each) => each.path === path);
  }

  /** Another life registers the id. */
  takeOver(id: string): void {
    this.members.set(id, (this.members.get(id) ?? 0) + 1);
  }

  readonly fetch: Fetch = async (input, init = {}) => {
    const url = new URL(String(input));
    const heard: Heard = {
      at: this.#clock.now(),
      method: init.method ?? 'GET',
      path: url.pathname + url.search,
      headers: new Headers(init.headers),
      body: typeof init.body === 'string' ? JSON.parse(init.body) : {},
    };
    this.heard.push(heard);
    if (this.away) throw new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } });
    const { signal } = init;
    await new Promise<void>((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
      if (!this.mute) this.#clock.setTimeout(resolve, this.latency);
    });
    return this.answer?.(heard) ?? this.#answer(heard);
  };

  #answer({ method, path, body }: Heard): Response {
    const [, kind, name] = path.split('/').map(decodeURIComponent);
    const { ttl, epoch, heartbeatInterval, udpPort } = this;
    if (kind === 'register') {
      const id = body.id as string;
      this.takeOver(id);
      const generation = this.members.get(id);
      const lease = { id, generation, secret: SECRET, heartbeatInterval, ttl, epoch, udpPort };
      return Response.json(lease, { status: 201 });
    }
    const generation = this.members.get(name);
    if (generation === undefined) return refuse(404, 'unknown');
    if (kind === 'heartbeat' && body.generation !== generation) {
      return refuse(409, 'stale-generation');
    }
    if (method === 'DELETE') this.members.delete(name);
    return Response.json({ status: 'accepted', ttl, epoch });
  }
}

export const refuse = (status: number, code: string): Response =>
  Response.json({ error: { code, message: `it is ${code}` } }, { status });
