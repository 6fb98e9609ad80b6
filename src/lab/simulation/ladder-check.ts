/**
 * Levels of φ rise and fall one by one, levels by silence at any time between them, and suspect and
 * available alternate: told from the events.
 */
import type { Transition } from '../../core/events.js';
import type { LevelOptions, ResolvedOptions } from '../../core/options.js';

const of = (level: number | LevelOptions): LevelOptions =>
  typeof level === 'number' ? { phi: level } : level;

export class LadderCheck {
  /** Names by rising φ; a level as high as the threshold stands before `suspect`, a silence last. */
  readonly #names: readonly string[];
  readonly #suspect: number;
  /** The levels of φ alone, whose order is certain, as bits. */
  readonly #ordered: number;
  /** Levels that were said to be crossed, as bits, by node. */
  readonly #crossed: Int32Array;

  constructor(options: ResolvedOptions, nodes: number) {
    const levels = Object.entries({ ...options.levels, suspect: options.threshold })
      .map(([name, level]) => {
        const { phi = Number.MAX_VALUE, silence } = of(level);
        return { name, phi, silence };
      })
      .sort((a, b) => a.phi - b.phi); // stable
    this.#names = levels.map(({ name }) => name);
    this.#suspect = 1 << this.#names.indexOf('suspect');
    this.#ordered = levels.reduce((bits, { silence }, i) => bits | (silence ? 0 : 1 << i), 0);
    this.#crossed = new Int32Array(nodes);
  }

  /** The node is watched no more. */
  reset(node: number): void {
    this.#crossed[node] = 0;
  }

  isSuspect(node: number): boolean {
    return (this.#crossed[node] & this.#suspect) !== 0;
  }

  isCrossed(node: number, level: string): boolean {
    return (this.#crossed[node] & (1 << this.#names.indexOf(level))) !== 0;
  }

  /** Takes a transition in; returns what is wrong with it. */
  take(event: 'suspect' | 'available' | 'level', change: Transition<number>): string | undefined {
    const { peer: node, level, previous } = change;
    const bits = this.#crossed[node];
    const rises = event !== 'available' && this.#isRise(level, previous, bits);
    const name = event === 'level' ? (rises ? level : previous) : 'suspect';
    const bit = 1 << this.#names.indexOf(String(name));
    if (!this.#names.includes(String(name))) return `unknown level ${name}`;
    if (event === 'suspect' && !rises) return `suspect from ${previous} to ${level}`;
    const was = (bits & bit) !== 0;
    this.#crossed[node] = rises ? bits | bit : bits & ~bit;
    if (was === rises) return `${name} was ${was ? '' : 'not '}crossed already`;
    if ((bit & this.#ordered) === 0) return undefined;
    const lower = (bit - 1) & this.#ordered;
    if (rises && (bits & lower) !== lower) return `${name} crossed before a lower level`;
    // `available` is the last that is said of a fall: levels below the threshold fell before it.
    const above = bits & ~(2 * bit - 1) & ~this.#suspect & this.#ordered;
    if (!rises && above !== 0) return `${name} fell before a higher level`;
    return undefined;
  }

  #isRise(level: string | undefined, previous: string | undefined, bits: number): boolean {
    const [to, from] = [level, previous].map((name) => this.#names.indexOf(String(name)));
    const ordered = [to, from].every((i) => i < 0 || (this.#ordered & (1 << i)) !== 0);
    // Between levels of no order, what falls is crossed, and what rises is not.
    return ordered ? to > from : to >= 0 && (bits & (1 << to)) === 0;
  }
}
