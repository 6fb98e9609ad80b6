/** A group of checks, as livez and readyz are: who is in it, and what a probe of it finds. */
import type { Host } from '../core/host.js';
import { type Check, isImmediate } from './check.js';
import { CheckRun, type Outcome } from './check-run.js';
import { Slots } from './limits.js';
import type { CheckRecord, CheckReport, GroupReport } from './reports.js';

/** What the groups of one health object share. */
export interface GroupContext {
  readonly host: Host;
  readonly wall: () => number;
  readonly cacheMs: number;
  readonly concurrency: number;
  readonly history: number;
  /** Told of every run. */
  readonly settled: (record: CheckRecord) => void;
}

export interface EntryOptions {
  readonly timeout: number;
  readonly critical: boolean;
  readonly excludeWith: string | undefined;
}

/** A check in its group, with what became of its runs. */
export interface Entry extends EntryOptions {
  readonly name: string;
  readonly run: CheckRun;
  /** The last runs, oldest first. */
  readonly history: CheckRecord[];
  last: CheckRecord | undefined;
  readonly counts: { success: number; error: number };
}

/** What a group without checks answers for, as kube-apiserver's do. */
const PING: CheckReport = { name: 'ping', status: 'ok', failed: false, critical: true };

function reportOf({ name, critical }: Entry, outcome: Outcome): CheckReport {
  const { ok, degraded, reason, figures } = outcome;
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

const skipped = ({ name, critical }: Entry, excluded?: string): CheckReport => ({
  name,
  status: excluded === undefined ? 'ok' : 'excluded',
  failed: false,
  critical,
  ...(excluded !== undefined && { excluded }),
});

export class Group {
  readonly name: string;
  readonly entries = new Map<string, Entry>();
  readonly #context: GroupContext;
  /** Of this group alone: checks of others that hang must not take the places of livez. */
  readonly #slots: Slots;
  readonly #passesUntil: number;

  /** @param passesUntil up to this instant, inclusive, its checks pass without being run */
  constructor(name: string, context: GroupContext, passesUntil: number) {
    this.name = name;
    this.#context = context;
    this.#slots = new Slots(context.concurrency);
    this.#passesUntil = passesUntil;
  }

  add(name: string, check: Check, options: EntryOptions): void {
    const { host } = this.#context;
    const cacheMs = isImmediate(check) ? 0 : this.#context.cacheMs;
    const { timeout } = options;
    const settled = (outcome: Outcome) => this.#record(entry, outcome);
    const run = new CheckRun(check, { timeout, cacheMs }, host, this.#slots, settled);
    const counts = { success: 0, error: 0 };
    const entry: Entry = { name, run, ...options, history: [], last: undefined, counts };
    this.entries.set(name, entry);
  }

  /** Runs what is not excluded, all at once up to the cap. */
  async probe(exclude: readonly string[]): Promise<GroupReport> {
    const unmatched = new Set(exclude);
    const excludes = (name: string | undefined): name is string => {
      if (name === undefined || !exclude.includes(name)) return false;
      unmatched.delete(name);
      return true;
    };
    const asked = Array.from(this.entries.values(), (entry) => {
      const { name, excludeWith } = entry;
      if (excludes(name)) return skipped(entry, name);
      return excludes(excludeWith) ? skipped(entry, excludeWith) : this.#ask(entry);
    });
    const none = asked.length === 0;
    const checks = none ? [this.#ping(excludes)] : await Promise.all(asked);
    return {
      group: this.name,
      ok: checks.every(({ status }) => status !== 'failed'),
      degraded: checks.some(({ status }) => status === 'degraded'),
      checks,
      unmatched: [...unmatched].sort(),
    };
  }

  /** Whether it answers for a check of that name. */
  has(name: string): boolean {
    return this.entries.has(name) || (this.entries.size === 0 && name === PING.name);
  }

  /** Runs one check, of which it {@link has} the name. */
  async probeOne(name: string): Promise<CheckReport> {
    const entry = this.entries.get(name);
    return entry ? this.#ask(entry) : PING;
  }

  #ping(excludes: (name: string) => boolean): CheckReport {
    const { name } = PING;
    return excludes(name) ? { ...PING, status: 'excluded', excluded: name } : PING;
  }

  async #ask(entry: Entry): Promise<CheckReport> {
    if (this.#context.host.now() <= this.#passesUntil) return skipped(entry);
    return reportOf(entry, await entry.run.ask());
  }

  #record(entry: Entry, outcome: Outcome): void {
    const { history, counts, name } = entry;
    const { host, wall, history: most, settled } = this.#context;
    counts[outcome.ok ? 'success' : 'error']++;
    const record = { ...outcome, group: this.name, name, at: wall() - (host.now() - outcome.at) };
    entry.last = record;
    if (most > 0) {
      if (history.length >= most) history.shift();
      history.push(record);
    }
    settled(record);
  }
}
