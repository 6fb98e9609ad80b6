/**
 * The targets of a service as a client knows them: what the registry says, and where that has just
 * started and does not know better, what it said before.
 *
 * Silence about an instance is no word about it, but a statement is: who was deregistered, removed,
 * drains, is not ready, is dead, or is at another address by now, is no target, whatever the list of
 * before says.
 */
import type { InstanceView } from '../instance.js';
import { ramp } from '../pick.js';
import type { Route, Target, WatchEvent } from '../views.js';

/** A route as the service gives it. */
export interface RouteAnswer extends Route {
  /** Of the start of the registry that answers. */
  readonly epoch?: string;
}

interface Known {
  readonly target: Target;
  /** When the registry said so. */
  readonly at: number;
}

/**
 * So long after a restart of the registry, in ms, instances are kept that it says nothing of, though
 * it does not call itself learning.
 */
const GRACE = 10_000;

const isGone = ({ draining, status }: InstanceView): boolean => draining || status === 'not-ready';
const isDown = ({ status }: InstanceView): boolean => status === 'dead' || status === 'zombie';

export class LastKnown {
  #known = new Map<string, Known>();
  #views = new Map<string, InstanceView>();
  #mode: Route['mode'] | undefined;
  #revision = -1;
  #epoch: string | undefined;
  /** Since then the registry has started anew; −Infinity once that is over. */
  #restartedAt = -Infinity;
  /** Of whom something was stated while a route was on its way. */
  readonly #stated = new Set<string>();

  /** What the registry said last of the service; undefined before it has said anything. */
  get mode(): Route['mode'] | undefined {
    return this.#mode;
  }

  /** Whether the registry may know less than we do, so that it is to be asked again soon. */
  get isUncertain(): boolean {
    return this.#mode === 'learning' || this.#restartedAt !== -Infinity;
  }

  /** What comes now is of this start of the registry. */
  beginEpoch(epoch: string, now: number): void {
    if (this.#epoch !== undefined && epoch !== this.#epoch) this.#restartedAt = now;
    this.#epoch = epoch;
  }

  /** Takes in what is said of instances. */
  take(event: WatchEvent, now: number): void {
    if (event.type === 'change') {
      const { instance, kind } = event;
      this.#revision = event.revision;
      if (kind === 'deregistered' || kind === 'removed') this.#remove(instance.id);
      else this.#see(instance);
      return;
    }
    if (event.revision < this.#revision) this.#restartedAt = now;
    this.#revision = event.revision;
    this.#views = new Map();
    for (const view of event.instances) this.#see(view);
    // The same registry has forgotten nobody: who is missing has left while we did not hear.
    if (this.#restartedAt !== -Infinity || this.#mode === 'learning') return;
    for (const id of this.#known.keys()) if (!this.#views.has(id)) this.#remove(id);
  }

  #remove(id: string): void {
    this.#views.delete(id);
    this.#known.delete(id);
    this.#stated.add(id);
  }

  #see(view: InstanceView): void {
    const { id } = view;
    this.#views.set(id, view);
    const { target } = this.#known.get(id) ?? {};
    if (target === undefined) return;
    // In a panic the dead are targets as well; and whether it is one the registry says.
    const left = this.#known.size > 1 && this.#mode !== 'panic';
    if (!isGone(view) && view.address === target.address && !(left && isDown(view))) return;
    this.#known.delete(id);
    this.#stated.add(id);
  }

  /** A route is asked for. */
  ask(): void {
    this.#stated.clear();
  }

  /** Takes in the answer to what was asked last. */
  answer({ mode, targets, excluded, epoch }: RouteAnswer, now: number): void {
    if (epoch !== undefined) this.beginEpoch(epoch, now);
    const calm = mode !== 'learning' && targets.length > 0;
    // A registry that has learnt says so by its mode; else it is given a while.
    if (calm && (this.#mode === 'learning' || now - this.#restartedAt >= GRACE)) {
      this.#restartedAt = -Infinity;
    }
    this.#mode = mode;
    const before = this.#known;
    this.#known = new Map();
    for (const target of targets) {
      const view = this.#stated.has(target.id) ? this.#views.get(target.id) : undefined;
      const outdated =
        this.#stated.has(target.id) &&
        (view === undefined || isGone(view) || view.address !== target.address);
      if (!outdated) this.#known.set(target.id, { target, at: now });
    }
    if (!this.isUncertain) return;
    const reasons = new Map(excluded.map(({ id, reason }) => [id, reason]));
    for (const [id, known] of before) {
      const reason = reasons.get(id) ?? 'starting';
      const { address } = this.#views.get(id) ?? known.target;
      if (this.#known.has(id) || reason !== 'starting') continue;
      if (address === known.target.address) this.#known.set(id, known);
    }
    if (this.#known.size === 0) this.#restartedAt = -Infinity; // nobody is kept
  }

  /** The targets with their weights at `now`. */
  targets(now: number): Target[] {
    return Array.from(this.#known.values(), ({ target, at }) => {
      if (target.rising === undefined) return target;
      const { id, address, rising } = target;
      const since = rising.since + Math.max(now - at, 0);
      const weight = rising.full * ramp(since, rising.over);
      const rest = since < rising.over ? { rising: { ...rising, since } } : {};
      return Object.freeze({ id, address, weight, ...rest });
    });
  }
}
