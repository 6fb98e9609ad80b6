/**
 * Who depends on whom, without cycles, and what follows from who has failed: root causes are named,
 * and nobody's failure is passed on as that of those who depend on it.
 */
import { checkRange } from '../core/validate.js';

/** What a node's own check says; `unknown` for one without, and before it has run. */
export type OwnState = 'ok' | 'degraded' | 'failed' | 'unknown';

/** `blocked`: it has not failed itself, but something critical to it has, or is blocked. */
export type NodeStatus = OwnState | 'blocked';

export interface Edge {
  readonly name: string;
  readonly critical: boolean;
}

export interface NodeState {
  readonly name: string;
  readonly own: OwnState;
  readonly status: NodeStatus;
  readonly dependsOn: readonly Edge[];
  /** The nodes whose own state is why this one is not ok; itself if that is why. */
  readonly causes: readonly string[];
}

/** How to depend: a name alone is not critical. */
export type Dependency = string | { readonly name: string; readonly critical?: boolean };

const isDown = ({ status }: NodeState): boolean => status === 'failed' || status === 'blocked';

export class DependencyGraph {
  /** Whether it is critical, by the name of who is depended on. */
  readonly #nodes = new Map<string, Map<string, boolean>>();

  /** Those that somebody added; others are there as long as somebody depends on them. */
  readonly #added = new Set<string>();

  /** A node that is there from now on, whether or not somebody depends on it. */
  add(name: string): void {
    this.#added.add(name);
    this.#appear(name);
  }

  /**
   * `from` depends on `to` from now on; said again, it is as critical as was said last.
   *
   * @throws RangeError with the path of the cycle that this would close; nothing has changed then
   */
  depend(from: string, to: string, critical: boolean): void {
    this.dependOnAll(from, [{ name: to, critical }]);
  }

  /** {@link depend} on several, or on none if one of them would close a cycle. */
  dependOnAll(from: string, edges: readonly Edge[]): void {
    // A cycle needs a way back to `from`, and none of these edges is on it before it is closed.
    for (const { name } of edges) {
      const path = this.#path(name, from);
      const cycle = path && [from, ...path].join(' → ');
      checkRange('dependsOn', 'dependencies without a cycle', cycle, cycle === undefined);
    }
    this.add(from);
    for (const { name, critical } of edges) {
      this.#appear(name);
      this.#nodes.get(from)?.set(name, critical);
    }
  }

  /** `from` depends on `to` no more. */
  release(from: string, to: string): void {
    this.#nodes.get(from)?.delete(to);
    this.#forgetUnused(to);
  }

  /** The node depends on nobody any more; it is gone unless somebody depends on it. */
  remove(name: string): void {
    for (const { name: each } of this.dependenciesOf(name)) this.release(name, each);
    this.#added.delete(name);
    this.#forgetUnused(name);
  }

  has(name: string): boolean {
    return this.#nodes.has(name);
  }

  dependenciesOf(name: string): readonly Edge[] {
    const edges = this.#nodes.get(name) ?? [];
    return Array.from(edges, ([each, critical]) => ({ name: each, critical }));
  }

  /** All nodes, each after what it depends on; else in the order in which they came. */
  order(): string[] {
    const done = new Set<string>();
    // A stack of our own: chains may be longer than the call stack is deep. Each node with what of
    // its dependencies was not visited yet.
    const stack: { node: string; open: Iterator<string> }[] = [];
    const enter = (node: string) => {
      if (!done.has(node)) stack.push({ node, open: (this.#nodes.get(node) ?? new Map()).keys() });
    };
    for (const start of this.#nodes.keys()) {
      enter(start);
      while (stack.length > 0) {
        const { node, open } = stack[stack.length - 1];
        const next = open.next();
        if (!next.done) {
          enter(next.value);
        } else {
          done.add(node);
          stack.pop();
        }
      }
    }
    return [...done];
  }

  /** What follows for each node, in topological order, from what their own checks say. */
  evaluate(own: (name: string) => OwnState): NodeState[] {
    const states = new Map<string, NodeState>();
    for (const name of this.order()) {
      const dependsOn = this.dependenciesOf(name);
      const stateOf = ({ name: each }: Edge) => states.get(each) as NodeState;
      const down = dependsOn
        .filter(({ critical }) => critical)
        .map(stateOf)
        .filter(isDown);
      const weak = dependsOn
        .map(stateOf)
        .filter((each) => isDown(each) || each.status === 'degraded');
      states.set(name, { name, dependsOn, ...evaluateOne(name, own(name), down, weak) });
    }
    return [...states.values()];
  }

  /** The nodes from `from` to `to` along dependencies; undefined if there is no way. */
  #path(from: string, to: string): string[] | undefined {
    const cameFrom = new Map<string, string | undefined>([[from, undefined]]);
    for (const node of cameFrom.keys()) {
      if (node === to) {
        const path: string[] = [];
        for (let at: string | undefined = node; at !== undefined; at = cameFrom.get(at)) {
          path.unshift(at);
        }
        return path;
      }
      for (const next of this.#nodes.get(node)?.keys() ?? []) {
        if (!cameFrom.has(next)) cameFrom.set(next, node); // grows meanwhile
      }
    }
    return undefined;
  }

  #appear(name: string): void {
    if (!this.#nodes.has(name)) this.#nodes.set(name, new Map());
  }

  #forgetUnused(name: string): void {
    const used = [...this.#nodes.values()].some((edges) => edges.has(name));
    if (!used && !this.#added.has(name)) this.#nodes.delete(name);
  }
}

function evaluateOne(
  name: string,
  own: OwnState,
  down: readonly NodeState[],
  weak: readonly NodeState[],
): Pick<NodeState, 'own' | 'status' | 'causes'> {
  const causesOf = (states: readonly NodeState[]) => [
    ...new Set(states.flatMap(({ causes }) => causes)),
  ];
  // What fails while something critical to it is down is not a cause of its own.
  if (own === 'failed') {
    return { own, status: 'failed', causes: down.length > 0 ? causesOf(down) : [name] };
  }
  if (down.length > 0) return { own, status: 'blocked', causes: causesOf(down) };
  const itself = own === 'degraded' ? [name] : [];
  if (weak.length > 0 || own === 'degraded') {
    return { own, status: 'degraded', causes: [...new Set([...causesOf(weak), ...itself])] };
  }
  return { own, status: own, causes: [] };
}

/** The nodes that have failed by themselves, in the order of `states`. */
export const rootCauses = (states: readonly NodeState[]): string[] =>
  states
    .filter(({ name, own, causes }) => own === 'failed' && causes.includes(name))
    .map(({ name }) => name);
