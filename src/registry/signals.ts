/** The two signals of an instance, and the detectors that judge their silence. */
import type { Transition } from '../core/events.js';
import { FailureDetector } from '../core/failure-detector.js';
import type { HeartbeatInfo } from '../core/journal.js';
import type { Link } from '../core/link.js';
import type { HeartbeatOutcome } from '../core/outcomes.js';
import type { Peer } from '../core/peer.js';
import type { FailureDetectorOptions } from '../core/settings.js';
import type { PeerSnapshot } from '../core/snapshot.js';
import { type Reading, readingOfMisses } from './classify.js';

/** S, of the service's main loop; P, of its process or host. */
export type SignalName = 'service' | 'process';
export const SIGNALS: readonly SignalName[] = ['service', 'process'];

/** A way by which heartbeats come, for both signals: `Registry.link`. */
export interface RegistryLink {
  /** Heartbeats cannot arrive: silence and leases of who was heard by it last stand still. */
  down(): void;
  /** They can again; what stood still goes on one `heartbeatInterval` of the registry later. */
  up(): void;
}

/** What was learnt of an instance, without how its silence stands. */
export type Learnt = Readonly<Partial<Record<SignalName, PeerSnapshot>>>;

const BY_LEVEL: Readonly<Record<string, Reading>> = {
  late: 'late',
  critical: 'critical',
  suspect: 'missing',
};
const ORDER: readonly Reading[] = ['ok', 'late', 'critical', 'missing'];
const worse = (a: Reading, b: Reading): Reading => (ORDER.indexOf(a) > ORDER.indexOf(b) ? a : b);

/** Answers in a row that make up for missed polls: one that fails by turns does not flicker. */
const RISE = 2;

/** One signal of one life of an instance. */
export class Signal {
  peer: Peer | undefined;
  /** By beats of its own, so that silence counts. */
  beaten = false;
  /** By polls that it answered: what counts are those that it misses, and not our own silence. */
  polled = false;
  /** Polls in a row that failed. */
  misses = 0;
  #answers = 0;
  unreached = false;
  /** How it stood before a restart of the registry, until it is heard or judged again. */
  held: Reading | undefined;

  get heard(): boolean {
    return this.beaten || this.polled;
  }

  /** How it stands at present. */
  get reading(): Reading {
    if (this.held !== undefined) return this.held;
    if (this.beaten) {
      const level = this.peer?.level;
      // A threshold below a level's φ is crossed before it: who is suspected is missing all the same.
      const isMissing = this.peer?.status === 'suspect';
      const reading = isMissing ? 'missing' : level === undefined ? 'ok' : BY_LEVEL[level];
      return worse(reading, readingOfMisses(this.misses));
    }
    if (this.unreached) return 'unknown';
    return this.polled || this.misses > 0 ? readingOfMisses(this.misses) : 'unused';
  }

  answered(): void {
    this.unreached = false;
    this.polled = true;
    this.#answers++;
    this.misses = this.#answers >= RISE ? 0 : Math.min(this.misses, 1);
  }

  missed(): void {
    this.unreached = false;
    this.misses = this.#answers > 0 ? 1 : this.misses + 1;
    this.#answers = 0;
  }
}

/** What was learnt, for a life that is not expected before it is heard. */
const fresh = ({ level, recovered, ...rest }: PeerSnapshot): PeerSnapshot => ({
  ...rest,
  heard: false,
  silence: null,
});

/** Told of a transition of a signal, when it has come about. */
export type OnTransition = (
  signal: SignalName,
  event: 'level' | 'suspect' | 'available',
  transition: Transition,
) => void;

export class Signals {
  readonly detectors: Readonly<Record<SignalName, FailureDetector>>;
  #down = 0;

  constructor(options: FailureDetectorOptions, onTransition: OnTransition) {
    const watching = (name: SignalName) => {
      const detector = new FailureDetector(options);
      for (const event of ['level', 'suspect', 'available'] as const) {
        detector.on(event, (transition) => {
          // Who is heard for the first time, or restored, was not suspected: that is no recovery.
          if (event === 'available' && transition.reason !== 'heartbeat') return;
          onTransition(name, event, transition);
        });
      }
      return detector;
    };
    this.detectors = { service: watching('service'), process: watching('process') };
  }

  /** How many links are down. */
  get linksDown(): number {
    return this.#down;
  }

  /** @param edge told when the first link goes down, and when the last one is up again */
  link(edge: () => void): RegistryLink & Readonly<Record<SignalName, Link>> {
    const links = {
      service: this.detectors.service.link(),
      process: this.detectors.process.link(),
    };
    let isDown = false;
    const turn = (down: boolean) => {
      if (isDown === down) return;
      isDown = down;
      this.#down += down ? 1 : -1;
      for (const name of SIGNALS) links[name][down ? 'down' : 'up']();
      if (this.#down === (down ? 1 : 0)) edge();
    };
    return { ...links, down: () => turn(true), up: () => turn(false) };
  }

  hear(
    name: SignalName,
    id: string,
    signal: Signal,
    interval: number,
    at: number,
    info: HeartbeatInfo,
  ): HeartbeatOutcome {
    signal.peer ??= this.detectors[name].watch(id, { heartbeatInterval: interval });
    return signal.peer.heartbeat(at, info);
  }

  /** What was learnt of an instance; nothing for one that was never heard. */
  learnt(id: string): Learnt {
    return Object.fromEntries(
      SIGNALS.map((name) => [name, this.detectors[name].snapshotPeer(id)])
        .filter((entry): entry is [SignalName, PeerSnapshot] => entry[1] !== undefined)
        .map(([name, snapshot]) => [name, fresh(snapshot)]),
    );
  }

  /** Puts what was learnt in; the instance is not expected before it is heard. */
  put(id: string, learnt: Learnt): void {
    this.forget(id);
    for (const name of SIGNALS) {
      const snapshot = learnt[name];
      if (snapshot) this.detectors[name].restorePeer({ ...fresh(snapshot), peer: id });
    }
  }

  /** Silence of the signal counts from now on, as if it had been heard just now. */
  expect(name: SignalName, id: string, signal: Signal, interval: number): void {
    const detector = this.detectors[name];
    const snapshot = detector.snapshotPeer(id);
    detector.forget(id);
    if (snapshot) detector.restorePeer({ ...snapshot, heard: true, silence: 0 });
    signal.peer = detector.watch(id, { heartbeatInterval: interval });
  }

  forget(id: string): void {
    for (const name of SIGNALS) this.detectors[name].forget(id);
  }

  close(): void {
    for (const name of SIGNALS) this.detectors[name].close();
  }
}
