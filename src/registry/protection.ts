/** What holds the registry back at present: every rule, in one view. */
import type { Stall } from '../core/events.js';
import type { MassSilenceEvent } from '../core/mass-silence.js';
import type { Comparison, Comparisons } from './comparisons.js';
import type { Learning } from './learning.js';
import type { Leases } from './leases.js';
import type { Membership } from './membership.js';
import { type Census, removable } from './population.js';
import type { Freeze, Removal } from './removal.js';
import type { Restoration } from './restoration.js';
import { SIGNALS, type SignalName, type Signals } from './signals.js';

/** `Registry.protection`: plain JSON. Instants in ms of the registry's clock, durations in ms. */
export interface Protection {
  /** Times in which this process could not run, since the start. */
  readonly stall: {
    readonly count: number;
    readonly total: number;
    readonly last: Stall | undefined;
  };
  /** Of either signal; the counts are of the one that is silent, or of the last one that was. */
  readonly massSilence: {
    readonly active: boolean;
    readonly overdue: number;
    readonly watched: number;
  };
  /** Services whose routing does not believe what we think of them. */
  readonly panic: readonly {
    readonly service: string;
    readonly available: number;
    readonly n: number;
  }[];
  readonly removal: {
    /** Anything is: the registry, or a service. */
    readonly frozen: boolean;
    /** Of the oldest freeze. */
    readonly since: number | undefined;
    readonly reason: string | undefined;
    /** Instances whose lease has run out. */
    readonly candidates: number;
    /** One has lasted for longer than `removal.notice`, 15 minutes by default. */
    readonly overdue15min: boolean;
    readonly freezes: readonly Freeze[];
  };
  readonly outliers: readonly Comparison[];
  /** It does not know everybody yet: see option `warmUp`. */
  readonly learning: boolean;
  readonly links: {
    readonly down: number;
    /** Restored instances that were not heard since, and may not have been. */
    readonly waiting: number;
  };
}

/** Whose rules they are. */
interface Parts {
  readonly membership: Membership;
  readonly signals: Signals;
  readonly leases: Leases;
  readonly learning: Learning;
  readonly restoration: Restoration;
  readonly comparisons: Comparisons;
  readonly removal: Removal;
}

export class Protections {
  readonly #parts: Parts;
  #stalls = 0;
  #total = 0;
  #last: Stall | undefined;
  readonly #silent = new Set<SignalName>();
  #silence = { overdue: 0, watched: 0 };

  constructor(parts: Parts) {
    this.#parts = parts;
    const { signals, leases } = parts;
    for (const name of SIGNALS) {
      const detector = signals.detectors[name];
      detector.on('mass-silence', (event) => this.#massSilence(name, event));
      detector.on('stall', (stall) => {
        if (leases.stalled(stall)) this.#stall(stall);
      });
    }
  }

  #stall(stall: Stall): void {
    this.#stalls++;
    this.#total += stall.duration;
    this.#last = stall;
    const { at, duration } = stall;
    this.#parts.membership.events.post('protection', {
      rule: 'stall',
      active: false,
      at,
      duration,
    });
    this.#parts.membership.events.flush();
  }

  #massSilence(signal: SignalName, { at, active, overdue, watched }: MassSilenceEvent): void {
    this.#silence = { overdue, watched };
    if (active) this.#silent.add(signal);
    else this.#silent.delete(signal);
    const event = { rule: 'mass-silence', active, at, signal, overdue, watched } as const;
    this.#parts.membership.events.post('protection', event);
    this.#parts.membership.events.flush();
  }

  /** A link went down, or the last one that was is up again. */
  link(): void {
    const down = this.#parts.signals.linksDown;
    const at = this.#parts.membership.now();
    this.#parts.membership.events.post('protection', { rule: 'links', active: down > 0, at, down });
    this.#parts.membership.events.flush();
  }

  /** Whether the observer itself, or its way to everybody, is known to be impaired. */
  get inDoubt(): boolean {
    return (
      this.#silent.size > 0 || this.#parts.signals.linksDown > 0 || this.#parts.restoration.waits
    );
  }

  /**
   * Whether anything speaks against restarting an instance of the service. As few as might be removed
   * at once do not: the only one of its service is in a panic, and everybody, whenever it is dead.
   */
  holds(name: string): boolean {
    const { membership, removal } = this.#parts;
    const service = membership.services.get(name);
    const isMass = ({ n, down }: Census) => down > removable(n);
    return (
      this.inDoubt ||
      (service !== undefined && isMass(service) && (service.panic || removal.isFrozen(name))) ||
      (isMass(membership) && removal.isFrozen(''))
    );
  }

  view(): Protection {
    const freezes = [...this.#parts.removal.freezes];
    const oldest = freezes.reduce<Freeze | undefined>(
      (a, b) => (a === undefined || b.since < a.since ? b : a),
      undefined,
    );
    const panic = [...this.#parts.membership.services.values()].filter(({ panic }) => panic);
    return {
      stall: { count: this.#stalls, total: this.#total, last: this.#last },
      massSilence: { active: this.#silent.size > 0, ...this.#silence },
      panic: panic.map(({ name, available, n }) => ({ service: name, available, n })),
      removal: {
        frozen: freezes.length > 0,
        since: oldest?.since,
        reason: oldest?.reason,
        candidates: this.#parts.removal.candidates,
        overdue15min: freezes.some(({ overdue }) => overdue),
        freezes,
      },
      outliers: this.#parts.comparisons.found,
      learning: this.#parts.learning.active,
      links: { down: this.#parts.signals.linksDown, waiting: this.#parts.restoration.size },
    };
  }
}
