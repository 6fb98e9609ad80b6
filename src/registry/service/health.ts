/** The service's own health: what only a restart mends, and what keeps it from its work. */
import type { Host } from '../../core/host.js';
import { createHealth, type Health } from '../../health/index.js';
import type { Registry } from '../registry.js';
import type { Datagrams } from './datagrams.js';
import type { State } from './state/state.js';

/** In ms: how often a timer says that timers fire. */
const TURN = 1000;
/** Members stand as they stood for two of their intervals after a restart; at most so long, in ms. */
const LONGEST_GRACE = 10_000;

export interface HealthSources {
  readonly registry: Registry;
  readonly host: Host;
  readonly wall: () => number;
  readonly datagrams: () => Datagrams | undefined;
  readonly state: () => State | undefined;
}

export class ServiceHealth {
  readonly health: Health;
  readonly #sources: HealthSources;
  readonly #restored: () => void;
  readonly #timers = new Set<unknown>();
  #closed = false;

  constructor(sources: HealthSources) {
    const { host, wall, state, datagrams } = sources;
    this.#sources = sources;
    this.health = createHealth({ name: 'registry', clock: host, wall, head: true });
    const loop = this.health.loop('timers', { heartbeatInterval: TURN });
    const turn = () => {
      loop.beat();
      this.#after(TURN, turn);
    };
    turn();
    // Routing goes on without a disk: a registry that cannot write is worse, and not out of order.
    this.health.add('readyz', 'state', () => state()?.fault?.message ?? true, { critical: false });
    this.health.add('readyz', 'udp', () => {
      return datagrams()?.down ? 'the UDP socket is dead: heartbeats do not arrive' : true;
    });
    // Lists that are not complete must not replace those that balancers have.
    this.health.add('readyz', 'learning', () => {
      return sources.registry.learning
        ? 'started without what it knew: nodes register again'
        : true;
    });
    // Who is silent for a loss of ours is not suspected: the answers are right, if late.
    this.health.add(
      'readyz',
      'udp-overflow',
      () =>
        datagrams()?.overloaded ? 'datagrams are lost unread: too many for this process' : true,
      { critical: false },
    );
    this.#restored = this.health.hold('restore');
  }

  /** Heartbeats can arrive; what was restored is expected from the end of its grace on. */
  begin(): void {
    const intervals = this.#sources.registry.instances().map((each) => each.heartbeatInterval);
    const grace = 2 * intervals.reduce((longest, each) => Math.max(longest, each), 0);
    if (grace === 0) this.#restored();
    else this.#after(Math.min(grace, LONGEST_GRACE), this.#restored);
  }

  shutdown(): void {
    this.health.shutdown();
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) this.#sources.host.clearTimeout(timer);
    this.health.close();
  }

  #after(ms: number, call: () => void): void {
    if (this.#closed) return;
    const timer = this.#sources.host.setTimeout(() => {
      this.#timers.delete(timer);
      call();
    }, ms);
    this.#timers.add(timer);
  }
}
