/** All groups of one health object, and what may be added to them. */
import { checkBoolean, checkKeys, checkRange, checkType } from '../core/validate.js';
import { type Check, isAboutOthers, isCritical } from './check.js';
import type { Dependencies } from './dependencies.js';
import type { Dependency } from './dependency-graph.js';
import { Group, type GroupContext } from './group.js';
import { checkTimeout, type ResolvedHealthOptions } from './health-options.js';
import { checkName, under } from './names.js';

export const LIVEZ = 'livez';
export const READYZ = 'readyz';
/** Pages beside the groups. */
export const STATUS = 'status';
export const PICTURE = 'status.svg';

export interface CheckOptions {
  /** How long the check may take, in ms. Default that of the health object. */
  timeout?: number;
  /**
   * Whether its failure fails the group; else the group is degraded, and passes. Default true, but
   * false for a check of a dependency.
   */
  critical?: boolean;
  /** Another name by which it is excluded, together with others of that name. */
  excludeWith?: string;
  /** What the service behind this check depends on in its turn: shown, and root causes found. */
  dependsOn?: readonly Dependency[];
}

const KEYS: readonly (keyof CheckOptions)[] = ['timeout', 'critical', 'excludeWith', 'dependsOn'];

export class Groups {
  readonly all = new Map<string, Group>();
  readonly #options: ResolvedHealthOptions;
  readonly #context: GroupContext;
  readonly #dependencies: Dependencies;
  readonly #startedAt: number;
  /** Groups that are there without a check. */
  readonly #always: readonly string[];
  /** Names that readyz has for its own. */
  readonly #reserved: readonly string[];

  constructor(
    options: ResolvedHealthOptions,
    context: GroupContext,
    dependencies: Dependencies,
    reserved: readonly string[],
  ) {
    this.#options = options;
    this.#context = context;
    this.#dependencies = dependencies;
    this.#startedAt = context.host.now();
    this.#reserved = reserved;
    this.#always = options.profile === 'kube' ? [LIVEZ, READYZ, 'healthz'] : [LIVEZ, READYZ];
    for (const name of this.#always) this.#group(name);
  }

  /** @throws TypeError, RangeError as `Health.add` says */
  add(group: string, name: string, check: Check, options: CheckOptions | undefined): void {
    const known = checkKeys('options', options, KEYS);
    checkName('group', group);
    const pages = [STATUS, PICTURE];
    checkRange('group', `none of ${pages.join(', ')}`, group, !pages.includes(group));
    checkName('name', name);
    checkType('check', 'a function', check, typeof check === 'function');
    const free = !(group === READYZ && this.#reserved.includes(name));
    checkRange('name', `one that is not built in (${this.#reserved.join(', ')})`, name, free);
    const below = under(group, READYZ);
    const isBuiltIn = below !== undefined && this.#reserved.includes(below);
    checkRange('group', `none of ${this.#reserved.join(', ')} of ${READYZ}`, group, !isBuiltIn);
    const others = isAboutOthers(check) || known.dependsOn !== undefined;
    const ours = 'a check of this process alone: livez asks nobody else';
    const inLivez = group === LIVEZ || under(group, LIVEZ) !== undefined;
    checkRange('check', ours, name, !(inLivez && others));
    const { timeout = this.#options.timeout, critical = isCritical(check), excludeWith } = known;
    const resolved = {
      timeout: checkTimeout(timeout),
      critical: checkBoolean('critical', critical),
      excludeWith: excludeWith === undefined ? undefined : checkName('excludeWith', excludeWith),
    };
    const of = this.#room(group, name);
    try {
      if (others) {
        const uses = group === READYZ ? critical : undefined;
        this.#dependencies.add(name, known.dependsOn ?? [], uses);
      }
      of.add(name, check, resolved);
    } finally {
      this.#forgetEmpty(of);
    }
  }

  /** A check of our own: critical, and of any name. */
  addBuiltIn(group: string, name: string, check: Check): void {
    const { timeout } = this.#options;
    const options = { timeout, critical: true, excludeWith: undefined };
    this.#room(group, name).add(name, check, options);
  }

  remove(group: string, name: string): boolean {
    const of = this.all.get(group);
    const removed = of?.entries.delete(name) ?? false;
    if (of) this.#forgetEmpty(of);
    const elsewhere = [...this.all.values()].some(({ entries }) => entries.has(name));
    if (removed && !elsewhere) this.#dependencies.remove(name);
    else if (removed && group === READYZ) this.#dependencies.release(name);
    return removed;
  }

  /** A path of one's own whose checks are all gone would answer that all is well. */
  #forgetEmpty({ name, entries }: Group): void {
    if (entries.size === 0 && !this.#always.includes(name)) this.all.delete(name);
  }

  #room(group: string, name: string): Group {
    const has = this.all.get(group)?.entries.has(name) ?? false;
    checkRange('name', `one that ${group} has not yet`, name, !has);
    const isFree = !this.#isTaken(`${group}/${name}`);
    checkRange('name', `one of which the path is free, below ${group}`, name, isFree);
    return this.#group(group);
  }

  /** Whether a group, or a check of one, answers at a path: groups may lie below each other. */
  #isTaken(path: string): boolean {
    if (this.all.has(path)) return true;
    return [...this.all.values()].some(({ name, entries }) => {
      const check = under(path, name);
      return check !== undefined && entries.has(check);
    });
  }

  #group(name: string): Group {
    const known = this.all.get(name);
    if (known) return known;
    checkRange('group', 'a path that no check has', name, !this.#isTaken(name));
    const { startupGrace } = this.#options;
    // As kube-apiserver: readyz has no grace, nothing was ready before it is.
    const grace = name === LIVEZ && startupGrace > 0;
    const until = grace ? this.#startedAt + startupGrace : -Infinity;
    const group = new Group(name, this.#context, until);
    this.all.set(name, group);
    return group;
  }
}
