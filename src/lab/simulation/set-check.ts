/** The set of the available nodes as a user keeps it, from events alone. */
import type { Transition } from '../../core/events.js';

export class SetCheck {
  readonly #kept = new Set<number>();

  /** Takes a transition in; returns what is wrong with it. */
  take(event: 'suspect' | 'available' | 'left', { peer: node, reason }: Transition<number>) {
    const was = this.#kept.has(node);
    if (event === 'available') this.#kept.add(node);
    else this.#kept.delete(node);
    return event === 'available' && was ? `available by ${reason}, and was already` : undefined;
  }

  /** A node in which the set and the detector's own differ; undefined for none. */
  difference(available: Iterable<number>): number | undefined {
    const rest = new Set(this.#kept);
    for (const node of available) if (!rest.delete(node)) return node;
    return rest.values().next().value;
  }
}
