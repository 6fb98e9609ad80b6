/** One detector as a scrape sees it: what it says now, and what was counted of its events. */
import type { Stall } from '../core/events.js';
import type { Explanation } from '../core/explain.js';
import type { MassSilenceEvent } from '../core/monitor/mass-silence.js';
import type { ObservedDetector } from './observed.js';

/** Events that are counted. */
export type Counts = { suspect: number; available: number };

/** A peer that has series of its own. */
export interface PeerReading {
  /** Its label. */
  readonly peer: string;
  readonly facts: Omit<Explanation<unknown>, 'peer'>;
  readonly transitions: Readonly<Counts>;
}

/** All that one scrape tells of one detector; everything in it was read at one instant. */
export interface Reading {
  readonly peers: number;
  readonly suspects: number;
  readonly shown: readonly PeerReading[];
  readonly transitions: Readonly<Counts>;
  readonly dropped: Readonly<Record<string, number>>;
  readonly left: number;
  readonly refused: number;
  readonly stalls: number;
  /** In ms, of all stalls together. */
  readonly stalled: number;
  readonly clockSteps: number;
  readonly massSilences: number;
  readonly massSilence: boolean;
}

const NONE: Counts = { suspect: 0, available: 0 };

/** So many peers may have counts before the forgotten ones among them are looked for. */
const FEW = 1000;

export class DetectorView<Id> {
  readonly #detector: ObservedDetector<Id>;
  readonly #maxSeries: number;
  readonly #label: (id: Id) => string;
  readonly #transitions: Counts = { ...NONE };
  /** Of watched peers that had any, and of forgotten ones that were not noticed yet. */
  readonly #transitionsOf = new Map<Id, Counts>();
  #sweepAt = FEW;
  #left = 0;
  #refused = 0;
  #stalls = 0;
  #stalled = 0;
  #clockSteps = 0;
  #massSilences = 0;
  /** Those that are silent as a whole now: all, or groups. */
  readonly #silent = new Set<string | undefined>();

  constructor(
    detector: ObservedDetector<Id>,
    maxSeries: number,
    label: (id: Id) => string,
    signal: AbortSignal,
  ) {
    this.#detector = detector;
    this.#maxSeries = maxSeries;
    this.#label = label;
    detector.on('suspect', ({ peer }) => this.#count('suspect', peer), { signal });
    // Recoveries: who is heard for the first time, or restored, was not suspected.
    detector.on(
      'available',
      ({ peer, reason }) => {
        if (reason === 'heartbeat') this.#count('available', peer);
      },
      { signal },
    );
    detector.on('left', () => this.#left++, { signal });
    detector.on('refused', () => this.#refused++, { signal });
    detector.on('stall', (stall) => this.#stall(stall), { signal });
    detector.on('clock-step', () => this.#clockSteps++, { signal });
    detector.on('mass-silence', (event) => this.#massSilent(event), { signal });
  }

  read(): Reading {
    this.#sweep();
    const detector = this.#detector;
    const at = detector.now();
    const ids = new Set<Id>();
    let suspects = 0;
    for (const id of detector.suspects()) if (suspects++ < this.#maxSeries) ids.add(id);
    for (const id of detector.peers()) {
      if (ids.size >= this.#maxSeries) break;
      ids.add(id);
    }
    const shown: PeerReading[] = [];
    for (const id of ids) {
      const facts = detector.explain(id, at);
      // Half a surrogate pair has no UTF-8: a scrape must not have the series of several of them.
      const peer = String(this.#label(id)).replace(/\p{Surrogate}/gu, '\ufffd');
      if (facts) shown.push({ peer, facts, transitions: this.#transitionsOf.get(id) ?? NONE });
    }
    return {
      peers: detector.size,
      suspects,
      shown,
      transitions: this.#transitions,
      dropped: detector.dropped,
      left: this.#left,
      refused: this.#refused,
      stalls: this.#stalls,
      stalled: this.#stalled,
      clockSteps: this.#clockSteps,
      massSilences: this.#massSilences,
      massSilence: this.#silent.size > 0,
    };
  }

  #count(event: keyof Counts, peer: Id): void {
    this.#transitions[event]++;
    let counts = this.#transitionsOf.get(peer);
    if (counts === undefined) {
      // Without scrapes, peers that come and go must not add up.
      if (this.#transitionsOf.size >= this.#sweepAt) this.#sweep();
      counts = { ...NONE };
      this.#transitionsOf.set(peer, counts);
    }
    counts[event]++;
  }

  /** Drops the counts of forgotten peers, of which no event tells. */
  #sweep(): void {
    for (const id of this.#transitionsOf.keys()) {
      if (this.#detector.status(id) === undefined) this.#transitionsOf.delete(id);
    }
    this.#sweepAt = Math.max(FEW, 2 * this.#transitionsOf.size);
  }

  #stall({ duration }: Stall): void {
    this.#stalls++;
    this.#stalled += duration;
  }

  #massSilent({ active, group }: MassSilenceEvent): void {
    if (active && !this.#silent.has(group)) this.#massSilences++;
    if (active) this.#silent.add(group);
    else this.#silent.delete(group);
  }
}
