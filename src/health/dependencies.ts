/** The dependency graph of one service: itself, what its checks are about, and what lies behind. */
import { checkBoolean, checkKeys, checkRange, checkType } from '../core/validate.js';
import type { CheckRun } from './check-run.js';
import {
  type Dependency,
  DependencyGraph,
  type Edge,
  type NodeState,
  type OwnState,
  rootCauses,
} from './dependency-graph.js';
import { picture } from './graph-picture.js';
import { checkName } from './paths.js';

/** The graph at `/status`. */
export interface GraphState {
  /** Each after what it depends on; this service is among them. */
  readonly nodes: readonly NodeState[];
  /** Those that have failed by themselves. */
  readonly rootCauses: readonly string[];
}

function checkDependency(dependency: Dependency): Edge {
  if (typeof dependency === 'string') {
    return { name: checkName('dependsOn', dependency), critical: false };
  }
  const { name, critical = false } = checkKeys('dependsOn', dependency, ['name', 'critical']);
  return {
    name: checkName('dependsOn.name', name),
    critical: checkBoolean('dependsOn.critical', critical),
  };
}

/** The worst that its checks said when they last ran. */
function worst(checks: readonly CheckRun[]): OwnState {
  const last = checks.map((check) => check.last).filter((record) => record !== undefined);
  if (last.some(({ ok }) => !ok)) return 'failed';
  if (last.some(({ degraded }) => degraded)) return 'degraded';
  return last.length > 0 ? 'ok' : 'unknown';
}

export class Dependencies {
  readonly #self: string;
  readonly #graph = new DependencyGraph();

  /** @param self the name of the service whose health this is */
  constructor(self: string) {
    this.#self = self;
    this.#graph.add(self);
  }

  /**
   * A node, which depends on others.
   *
   * @param critical whether this service needs it; undefined if it does not use it itself
   * @throws TypeError, RangeError, also for a cycle, with its path; nothing has changed then
   */
  add(name: string, dependsOn: readonly Dependency[], critical: boolean | undefined): void {
    checkType('dependsOn', 'an array', dependsOn, Array.isArray(dependsOn));
    const edges = dependsOn.map(checkDependency);
    const isOther = name !== this.#self;
    checkRange('name', 'one that is not that of the service itself', name, isOther);
    const before = this.#graph.dependenciesOf(this.#self).find((each) => each.name === name);
    if (critical !== undefined) this.#graph.depend(this.#self, name, critical);
    try {
      this.#graph.dependOnAll(name, edges);
    } catch (error) {
      if (before) this.#graph.depend(this.#self, name, before.critical);
      else this.#graph.release(this.#self, name);
      throw error;
    }
  }

  /** This service does not use it itself any more. */
  release(name: string): void {
    this.#graph.release(this.#self, name);
  }

  remove(name: string): void {
    if (name === this.#self || !this.#graph.has(name)) return;
    this.#graph.release(this.#self, name);
    this.#graph.remove(name);
  }

  /** What follows from the last results of all checks. */
  state(checks: readonly CheckRun[]): GraphState {
    const own = (name: string): OwnState => {
      if (name !== this.#self) return worst(checks.filter((check) => check.name === name));
      const ours = checks.filter((check) => !this.#graph.has(check.name));
      return worst(ours.filter(({ critical }) => critical));
    };
    const nodes = this.#graph.evaluate(own);
    return { nodes, rootCauses: rootCauses(nodes) };
  }

  picture(checks: readonly CheckRun[]): string {
    const { nodes, rootCauses: roots } = this.state(checks);
    return picture(this.#self, nodes, roots);
  }
}
