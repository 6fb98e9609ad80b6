/**
 * What is known of the observer itself: stalls of this process, links that are down, many instances
 * that fall silent at once, and restored ones that cannot be heard yet. While it is impaired, a silent
 * instance may not be what is broken.
 */
import type { Events } from '../core/emitter.js';
import type { Stall } from '../core/events.js';
import type { MassSilenceEvent } from '../core/monitor/mass-silence.js';
import type { RegistryEvents } from './events.js';
import { SIGNALS, type SignalName } from './instance.js';
import type { Leases } from './leases.js';
import type { Restoration } from './restoration.js';
import type { Signals } from './signals.js';
import type { MassSilence, Protection } from './views.js';

export class Observer {
  readonly #events: Events<RegistryEvents>;
  readonly #signals: Signals;
  readonly #leases: Leases;
  readonly #restoration: Restoration;
  #stalls = 0;
  #stalled = 0;
  #lastStall: Stall | undefined;
  /** By signal and group. */
  readonly #silences = new Map<string, MassSilence>();
  #lastSilence = { overdue: 0, watched: 0 };

  constructor(
    events: Events<RegistryEvents>,
    signals: Signals,
    leases: Leases,
    restoration: Restoration,
  ) {
    this.#events = events;
    this.#signals = signals;
    this.#leases = leases;
    this.#restoration = restoration;
    for (const name of SIGNALS) {
      const detector = signals.detectors[name];
      detector.listen('mass-silence', (event) => this.#massSilence(name, event));
      detector.listen('stall', (stall) => this.#stall(stall));
    }
  }

  #stall(stall: Stall): void {
    if (!this.#leases.stalled(stall)) return;
    this.#stalls++;
    this.#stalled += stall.duration;
    this.#lastStall = stall;
    const { at, duration } = stall;
    this.#events.post('protection', { rule: 'stall', active: false, at, duration });
    this.#events.flush();
  }

  #massSilence(signal: SignalName, event: MassSilenceEvent): void {
    const { at, active, overdue, watched, group } = event;
    const key = JSON.stringify([signal, group]);
    const of = { signal, ...(group !== undefined && { group }) };
    if (active) this.#silences.set(key, { ...of, since: at, overdue, watched });
    else this.#silences.delete(key);
    this.#lastSilence = { overdue, watched };
    const figures = { ...of, overdue, watched };
    this.#events.post('protection', { rule: 'mass-silence', active, at, ...figures });
    this.#events.flush();
  }

  /** Whether the observer, or its way to everybody, is known to be impaired. */
  get isImpaired(): boolean {
    return this.#isSilent(undefined) || this.#signals.linksDown > 0 || this.#restoration.waits;
  }

  /** Whether that, or the way to the whole of a group, is. */
  isImpairedFor(group: string): boolean {
    return this.isImpaired || (group !== '' && this.#isSilent(group));
  }

  #isSilent(group: string | undefined): boolean {
    for (const each of this.#silences.values()) if (each.group === group) return true;
    return false;
  }

  /** The part of `Registry.protection` that is about it. */
  get view(): Pick<Protection, 'stall' | 'massSilence' | 'links'> {
    const last = this.#lastStall;
    const silent = [...this.#silences.values()];
    return {
      stall: { count: this.#stalls, total: this.#stalled, last },
      massSilence: { active: silent.length > 0, ...this.#lastSilence, silent },
      links: { down: this.#signals.linksDown, waiting: this.#restoration.size },
    };
  }
}
