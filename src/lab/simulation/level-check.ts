/**
 * Levels by silence alone are crossed when the silence is as long, whatever was learnt of the node,
 * and fall with its next heartbeat.
 */
import type { ResolvedOptions } from '../../core/options.js';
import type { LadderCheck } from './ladder-check.js';

interface SilenceLevel {
  readonly name: string;
  /** In ms. */
  readonly silence: number;
  readonly bit: number;
}

export class LevelCheck {
  /** By rising silence. */
  readonly #levels: readonly SilenceLevel[];
  /** Levels that are crossed, as bits, by node. */
  readonly #crossed: Int32Array;

  constructor({ levels }: ResolvedOptions, nodes: number) {
    this.#levels = Object.entries(levels)
      .flatMap(([name, level]) => {
        if (typeof level === 'number' || level.phi !== undefined) return [];
        return [{ name, silence: level.silence ?? Infinity }];
      })
      .sort((a, b) => a.silence - b.silence)
      .map((level, i) => ({ ...level, bit: 1 << i }));
    this.#crossed = new Int32Array(nodes);
  }

  /**
   * Takes an event of the node in, whose levels `ladder` knows; `silence` is the node's. Returns what
   * is wrong.
   */
  take(node: number, silence: number, ladder: LadderCheck): string | undefined {
    let wrong: string | undefined;
    for (const { name, bit, silence: least } of this.#levels) {
      const was = (this.#crossed[node] & bit) !== 0;
      if (ladder.isCrossed(node, name) === was) continue;
      this.#crossed[node] ^= bit;
      if (!was && silence < least) wrong = `${name} crossed after ${silence} ms, not ${least}`;
    }
    return wrong;
  }

  /** A heartbeat was accepted: what has not fallen. */
  heard(node: number): string | undefined {
    const crossed = this.#crossed[node];
    if (crossed > 0) return `${this.#named(crossed)} outlasted a heartbeat`;
    this.#crossed[node] = 0;
    return undefined;
  }

  #named(crossed: number): string {
    return this.#levels
      .filter(({ bit }) => (crossed & bit) !== 0)
      .map(({ name }) => name)
      .join(', ');
  }

  /** That a level is missing has been said. */
  missed(node: number): void {
    this.#crossed[node] = -1;
  }

  /** The silence at which the node crosses the next level; Infinity for none. */
  next(node: number): number {
    for (const { silence, bit } of this.#levels) {
      if ((this.#crossed[node] & bit) === 0) return silence;
    }
    return Infinity;
  }

  /** The node is watched no more. */
  reset(node: number): void {
    this.#crossed[node] = 0;
  }
}
