/** The two signals of an instance, and the detectors that suspect them when they fall silent. */

import { FailureDetector } from '../core/detector.js';
import type { Events } from '../core/emitter.js';
import type { FailureDetectorEvents } from '../core/events.js';
import type { HeartbeatInfo, HeartbeatOutcome } from '../core/heartbeat.js';
import type { Link } from '../core/peers/link.js';
import type { FailureDetectorOptions } from '../core/settings.js';
import type { PeerSnapshot } from '../core/snapshot.js';
import type { RegistryLink } from './beat.js';
import type { RegistryEvents } from './events.js';
import { SIGNALS, type SignalName } from './instance.js';
import type { Member } from './member.js';

/** What was learnt of an instance, without how its silence stands. */
export type Learnt = Readonly<Partial<Record<SignalName, PeerSnapshot>>>;

/** What was learnt, for an incarnation that is not expected before it is heard. */
const unheard = ({ level, recovered, ...rest }: PeerSnapshot): PeerSnapshot => ({
  ...rest,
  heard: false,
  silence: null,
});

interface OwnListener {
  readonly event: keyof FailureDetectorEvents;
  readonly listener: (payload: never) => void;
}

/**
 * A detector that is handed out: whatever its user does with listeners, the registry's own stay, and
 * are called before all others.
 */
class SignalDetector extends FailureDetector {
  readonly #own: OwnListener[] = [];

  /** Adds a listener of the registry; to be called before anybody else can add one. */
  listen<E extends keyof FailureDetectorEvents>(
    event: E,
    listener: (payload: FailureDetectorEvents[E]) => void,
  ): void {
    this.#own.push({ event, listener });
    this.on(event, listener);
  }

  /** Removes all listeners of `event`, or of all events, but for the registry's own. */
  override removeAllListeners(event?: keyof FailureDetectorEvents): this {
    super.removeAllListeners(event);
    for (const each of this.#own) {
      if (event === undefined || event === each.event) this.on(each.event, each.listener as never);
    }
    return this;
  }

  /** The listeners of `event`, but for the registry's own. */
  override listeners<E extends keyof FailureDetectorEvents>(event: E) {
    const isOwn = (listener: unknown) => this.#own.some((own) => own.listener === listener);
    return super.listeners(event).filter((listener) => !isOwn(listener));
  }
}

export class Signals {
  readonly detectors: Readonly<Record<SignalName, SignalDetector>>;
  readonly #events: Events<RegistryEvents>;
  readonly #links = new WeakMap<RegistryLink, Readonly<Record<SignalName, Link>>>();
  #linksDown = 0;

  constructor(options: FailureDetectorOptions, events: Events<RegistryEvents>) {
    this.#events = events;
    this.detectors = { service: new SignalDetector(options), process: new SignalDetector(options) };
  }

  /** How many links are down. */
  get linksDown(): number {
    return this.#linksDown;
  }

  /** A way by which heartbeats of both signals come: see `Registry.link`. */
  link(): RegistryLink {
    const { service, process } = this.detectors;
    const links = { service: service.link(), process: process.link() };
    let isDown = false;
    const turn = (down: boolean) => {
      if (isDown === down) return;
      isDown = down;
      this.#linksDown += down ? 1 : -1;
      for (const name of SIGNALS) links[name][down ? 'down' : 'up']();
      if (this.#linksDown === (down ? 1 : 0)) this.#tell(service.now());
    };
    const link = Object.freeze({ down: () => turn(true), up: () => turn(false) });
    this.#links.set(link, links);
    return link;
  }

  /** The link as the signal's detector knows it. */
  linkOf(link: RegistryLink | undefined, name: SignalName): Link | undefined {
    return link && this.#links.get(link)?.[name];
  }

  /** The first link went down, or the last one that was down is up again. */
  #tell(at: number): void {
    const down = this.#linksDown;
    this.#events.post('protection', { rule: 'links', active: down > 0, at, down });
    this.#events.flush();
  }

  /** Takes a heartbeat of an instance in, by its own word or by a poll that it answered. */
  hear(
    name: SignalName,
    member: Member,
    at: number,
    info: HeartbeatInfo,
    heartbeatInterval: number,
  ): HeartbeatOutcome {
    const signal = member.signals[name];
    const { id, about } = member;
    signal.peer ??= this.detectors[name].watch(id, { heartbeatInterval, group: about.group });
    return signal.peer.heartbeat(at, info);
  }

  /** What was learnt of an instance; nothing for one that was never heard. */
  learnt(id: string): Learnt {
    const learnt: Partial<Record<SignalName, PeerSnapshot>> = {};
    for (const name of SIGNALS) {
      const snapshot = this.detectors[name].snapshotPeer(id);
      if (snapshot) learnt[name] = unheard(snapshot);
    }
    return learnt;
  }

  /** Puts what was learnt in; the instance is not expected before it is heard. */
  put(id: string, learnt: Learnt): void {
    this.forget(id);
    for (const name of SIGNALS) {
      const snapshot = learnt[name];
      if (snapshot) this.detectors[name].restorePeer({ ...unheard(snapshot), peer: id });
    }
  }

  /** Expects heartbeats of the signal from now on, as if it had been heard just now. */
  expect(name: SignalName, member: Member): void {
    const { id, about, signals } = member;
    const detector = this.detectors[name];
    const snapshot = detector.snapshotPeer(id);
    detector.forget(id);
    if (snapshot) detector.restorePeer({ ...snapshot, heard: true, silence: 0 });
    const { heartbeatInterval, group } = about;
    signals[name].peer = detector.watch(id, { heartbeatInterval, group });
  }

  forget(id: string): void {
    for (const name of SIGNALS) this.detectors[name].forget(id);
  }

  close(): void {
    for (const name of SIGNALS) this.detectors[name].close();
  }
}
