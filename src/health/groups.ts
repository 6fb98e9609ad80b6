/** Groups of checks, as livez and readyz are: what may be added to them, and what a probe finds. */
import { checkBoolean, checkKeys, checkRange, checkType } from '../core/validate.js';
import { type Check, isAboutOthers, isCritical } from './check.js';
import { CheckRun, type CheckRunOptions } from './check-run.js';
import type { Dependencies } from './dependencies.js';
import type { Dependency } from './dependency-graph.js';
import { checkTimeout, type ResolvedHealthOptions } from './health-options.js';
import { Slots } from './limits.js';
import { checkName, under } from './paths.js';
import type { CheckRecord, CheckReport, GroupReport } from './reports.js';

/** Who is told of what. */
export interface Listeners {
  /** Each run of a check. */
  readonly settled: (record: CheckRecord) => void;
  /** Each probe of a whole group. */
  readonly probed: (report: GroupReport) => void;
}

/** What a group without checks answers for, as kube-apiserver's do. */
const PING: CheckReport = { name: 'ping', status: 'ok', failed: false, critical: true };

function reportOf({ name, critical }: CheckRun, record: CheckRecord): CheckReport {
  const { ok, degraded, reason, figures } = record;
  const status = ok ? (degraded ? 'degraded' : 'ok') : critical ? 'failed' : 'degraded';
  return {
    name,
    status,
    failed: !ok,
    critical,
    ...(reason !== undefined && { reason }),
    ...(figures && { figures }),
  };
}

const skipped = ({ name, critical }: CheckRun, excluded?: string): CheckReport => ({
  name,
  status: excluded === undefined ? 'ok' : 'excluded',
  failed: false,
  critical,
  ...(excluded !== undefined && { excluded }),
});

export class Group {
  readonly name: string;
  readonly checks = new Map<string, CheckRun>();
  readonly #options: ResolvedHealthOptions;
  readonly #listeners: Listeners;
  /** Of this group alone: checks of others that hang must not take the places of livez. */
  readonly #slots: Slots;
  readonly #passesUntil: number;

  /** @param passesUntil up to this instant, inclusive, its checks pass without being run */
  constructor(
    name: string,
    options: ResolvedHealthOptions,
    listeners: Listeners,
    passesUntil: number,
  ) {
    this.name = name;
    this.#options = options;
    this.#listeners = listeners;
    this.#slots = new Slots(options.concurrency);
    this.#passesUntil = passesUntil;
  }

  add(name: string, check: Check, given: Omit<CheckRunOptions, 'group' | 'name'>): void {
    const options = { ...given, group: this.name, name };
    const { settled } = this.#listeners;
    this.checks.set(name, new CheckRun(check, options, this.#options, this.#slots, settled));
  }

  /** Runs what is not excluded, all at once up to the cap. */
  async probe(exclude: readonly string[] = []): Promise<GroupReport> {
    const unmatched = new Set(exclude);
    const excludes = (name: string | undefined): name is string => {
      if (name === undefined || !exclude.includes(name)) return false;
      unmatched.delete(name);
      return true;
    };
    const asked = Array.from(this.checks.values(), (check) => {
      const { name, excludeWith } = check;
      if (excludes(name)) return skipped(check, name);
      return excludes(excludeWith) ? skipped(check, excludeWith) : this.#ask(check);
    });
    const none = asked.length === 0;
    const checks = none ? [this.#ping(excludes)] : await Promise.all(asked);
    const report = {
      group: this.name,
      ok: checks.every(({ status }) => status !== 'failed'),
      degraded: checks.some(({ status }) => status === 'degraded'),
      checks,
      unmatched: [...unmatched].sort(),
    };
    this.#listeners.probed(report);
    return report;
  }

  /** Whether it answers for a check of that name. */
  has(name: string): boolean {
    return this.checks.has(name) || (this.checks.size === 0 && name === PING.name);
  }

  /** Runs one check, of which it {@link has} the name. */
  async probeOne(name: string): Promise<CheckReport> {
    const check = this.checks.get(name);
    return check ? this.#ask(check) : PING;
  }

  #ping(excludes: (name: string) => boolean): CheckReport {
    const { name } = PING;
    return excludes(name) ? { ...PING, status: 'excluded', excluded: name } : PING;
  }

  async #ask(check: CheckRun): Promise<CheckReport> {
    if (this.#options.host.now() <= this.#passesUntil) return skipped(check);
    return reportOf(check, await check.ask());
  }
}

export const LIVEZ = 'livez';
export const READYZ = 'readyz';
/** Checks of readyz that are not added by a name: see `conditions.ts`. */
export const SHUTDOWN = 'shutdown';
export const MAINTENANCE = 'maintenance';
const BUILT_IN: readonly string[] = [SHUTDOWN, MAINTENANCE];
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
  readonly #dependencies: Dependencies;
  readonly #listeners: Listeners;
  readonly #startedAt: number;
  /** Groups that are there without a check. */
  readonly #always: readonly string[];

  constructor(options: ResolvedHealthOptions, dependencies: Dependencies, listeners: Listeners) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#listeners = listeners;
    this.#startedAt = options.host.now();
    this.#always = options.profile === 'kube' ? [LIVEZ, READYZ, 'healthz'] : [LIVEZ, READYZ];
    for (const name of this.#always) this.#group(name);
  }

  /** The checks of all groups. */
  get checks(): CheckRun[] {
    return [...this.all.values()].flatMap(({ checks }) => [...checks.values()]);
  }

  /** @throws TypeError, RangeError as `Health.add` says */
  add(group: string, name: string, check: Check, options?: CheckOptions): void {
    const known = checkKeys('options', options, KEYS);
    checkName('group', group);
    const pages = [STATUS, PICTURE];
    checkRange('group', `none of ${pages.join(', ')}`, group, !pages.includes(group));
    checkName('name', name);
    checkType('check', 'a function', check, typeof check === 'function');
    const free = !(group === READYZ && BUILT_IN.includes(name));
    checkRange('name', `one that is not built in (${BUILT_IN.join(', ')})`, name, free);
    const below = under(group, READYZ);
    const isBuiltIn = below !== undefined && BUILT_IN.includes(below);
    checkRange('group', `none of ${BUILT_IN.join(', ')} of ${READYZ}`, group, !isBuiltIn);
    const others = isAboutOthers(check) || known.dependsOn !== undefined;
    if (others && (group === LIVEZ || under(group, LIVEZ) !== undefined)) {
      throw new RangeError(
        `check: '${name}' checks a dependency and can't be part of livez ` +
          '(its outage would restart this process); add it to readyz',
      );
    }
    const { timeout = this.#options.timeout, critical = isCritical(check), excludeWith } = known;
    const resolved = {
      timeout: checkTimeout(timeout),
      critical: checkBoolean('critical', critical),
      excludeWith: excludeWith === undefined ? undefined : checkName('excludeWith', excludeWith),
    };
    const of = this.#placeFor(group, name);
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
    this.#placeFor(group, name).add(name, check, options);
  }

  remove(group: string, name: string): boolean {
    const of = this.all.get(group);
    const removed = of?.checks.delete(name) ?? false;
    if (of) this.#forgetEmpty(of);
    const elsewhere = [...this.all.values()].some(({ checks }) => checks.has(name));
    if (removed && !elsewhere) this.#dependencies.remove(name);
    else if (removed && group === READYZ) this.#dependencies.release(name);
    return removed;
  }

  /** A path of one's own whose checks are all gone would answer that all is well. */
  #forgetEmpty({ name, checks }: Group): void {
    if (checks.size === 0 && !this.#always.includes(name)) this.all.delete(name);
  }

  #placeFor(group: string, name: string): Group {
    const has = this.all.get(group)?.checks.has(name) ?? false;
    checkRange('name', `one that ${group} has not yet`, name, !has);
    const isFree = !this.#isTaken(`${group}/${name}`);
    checkRange('name', `one of which the path is free, below ${group}`, name, isFree);
    return this.#group(group);
  }

  /** Whether a group, or a check of one, answers at a path: groups may lie below each other. */
  #isTaken(path: string): boolean {
    if (this.all.has(path)) return true;
    return [...this.all.values()].some(({ name, checks }) => {
      const check = under(path, name);
      return check !== undefined && checks.has(check);
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
    const group = new Group(name, this.#options, this.#listeners, until);
    this.all.set(name, group);
    return group;
  }
}
