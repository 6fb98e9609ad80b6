/**
 * Peers that are cut off together and return in time, all of them or whole groups: none of those
 * that live may be suspected for it.
 */

/** Fewer are no mass. */
const LEAST = 5;

/** What such a cut calls upon. */
export type CutInvariant = 'returns' | 'groups';

interface Cut {
  readonly invariant: CutInvariant;
  readonly nodes: ReadonlySet<number>;
  /** From when on all are heard again. */
  readonly until: number;
}

export class CutCheck {
  /** By node; undefined where nodes have none. */
  readonly #groups: readonly string[] | undefined;
  #cut: Cut | undefined;
  /** Who died while groups were cut off, in groups that were not. */
  readonly #died = new Set<number>();

  constructor(groups: readonly string[] | undefined) {
    this.#groups = groups;
  }

  /**
   * Nodes are cut off until some time of their own, when all has been calm before.
   *
   * @param trusted nodes that run and are not suspected
   */
  begin(cut: readonly number[], until: number, trusted: readonly number[]): void {
    const nodes = new Set(cut);
    const invariant = this.#calledUpon(nodes, trusted);
    this.#died.clear();
    this.#cut = invariant && { invariant, nodes, until };
  }

  #calledUpon(nodes: ReadonlySet<number>, trusted: readonly number[]): CutInvariant | undefined {
    if (trusted.length >= LEAST && trusted.every((node) => nodes.has(node))) return 'returns';
    const groups = this.#groups;
    if (groups === undefined) return undefined;
    const affected = new Map<string, number>();
    for (const node of nodes) affected.set(groups[node], 0);
    for (const node of trusted) {
      const count = affected.get(groups[node]);
      if (count === undefined) continue;
      if (!nodes.has(node)) return undefined;
      affected.set(groups[node], count + 1);
    }
    return [...affected.values()].every((count) => count >= LEAST) ? 'groups' : undefined;
  }

  /** Something else befalls the world: nothing is promised any more. */
  spoil(): void {
    this.#cut = undefined;
    this.#died.clear();
  }

  died(node: number): void {
    if (this.#cut?.invariant === 'groups' && !this.#cut.nodes.has(node)) this.#died.add(node);
  }

  /** What is broken when a node that runs is suspected; `tolerated` of it in ms. */
  brokenBy(node: number, now: number, tolerated: number): CutInvariant | undefined {
    const cut = this.#cut;
    return cut?.nodes.has(node) && now <= cut.until + tolerated ? cut.invariant : undefined;
  }

  /** Whether the node's death has nothing to do with those that are cut off. */
  isElsewhere(node: number): boolean {
    return this.#died.has(node);
  }
}
