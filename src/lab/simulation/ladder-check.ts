/** Levels of φ rise and fall one by one, and suspect and available alternate: told from the events. */
import type { Transition } from '../../core/events.js';
import type { ResolvedOptions } from '../../core/options.js';

export class LadderCheck {
  /** Names by rising φ; a level as high as the threshold stands before `suspect`. */
  readonly #names: readonly string[];
  readonly #suspect: number;
  /** Levels that were said to be crossed, as bits, by node. */
  readonly #crossed: Int32Array;

  constructor(options: ResolvedOptions, nodes: number) {
    const levels = Object.entries(options.levels).concat([['suspect', options.threshold]]);
    this.#names = levels.sort((a, b) => a[1] - b[1]).map(([name]) => name); // stable
    this.#suspect = 1 << this.#names.indexOf('suspect');
    this.#crossed = new Int32Array(nodes);
  }

  isSuspect(node: number): boolean {
    return (this.#crossed[node] & this.#suspect) !== 0;
  }

  /** Takes a transition in; returns what is wrong with it. */
  take(event: 'suspect' | 'available' | 'level', change: Transition<number>): string | undefined {
    const { peer: node, level, previous } = change;
    const bits = this.#crossed[node];
    const rises = event !== 'available' && this.#isRise(level, previous);
    const name = event === 'level' ? (rises ? level : previous) : 'suspect';
    const bit = 1 << this.#names.indexOf(String(name));
    if (!this.#names.includes(String(name))) return `unknown level ${name}`;
    if (event === 'suspect' && !rises) return `suspect from ${previous} to ${level}`;
    const was = (bits & bit) !== 0;
    this.#crossed[node] = rises ? bits | bit : bits & ~bit;
    if (was === rises) return `${name} was ${was ? '' : 'not '}crossed already`;
    if (rises && (bits & (bit - 1)) !== bit - 1) return `${name} crossed before a lower level`;
    // `available` is the last that is said of a fall: levels below the threshold fell before it.
    const above = bits & ~(2 * bit - 1) & ~this.#suspect;
    if (!rises && above !== 0) return `${name} fell before a higher level`;
    return undefined;
  }

  #isRise(level: string | undefined, previous: string | undefined): boolean {
    return this.#names.indexOf(String(level)) > this.#names.indexOf(String(previous));
  }
}
