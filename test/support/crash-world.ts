/**
 * One history by chance of a registry with a state: nodes come, go, come back and drain, the clock
 * moves, checkpoints are under way, the disk fails, processes end and start. After every single call
 * of the disk the process could die there: what a new one would find is read, and has to be right.
 */
import { KeptRegistry } from '../../src/registry/service/kept-registry.js';
import { resolveServiceOptions } from '../../src/registry/service/options.js';
import { CrashDisk } from './crash-disk.js';
import { Loop } from './loop.js';
import { seeded } from './random.js';

const FILE = '/folder/state';
const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
/** Fewer than there are ids: some that are gone are forgotten. */
const MOST = 4;
const OPERATIONS = 45;
/** Calls after which nothing is other than before. */
const LOOKS = /^(stat|read|readdir|readFile|chmod|open folder)\b/;
/** Within so many steps the state can be written again once nothing fails any more. */
const PATIENCE = 1000;

const UNLOCKED = { hold: async () => false, release: async () => {} };

/** What of an instance must not be lost. */
interface Fact {
  readonly generation: number;
  readonly gone: boolean;
  readonly draining: boolean;
}

export interface CrashReport {
  readonly seed: number;
  /** Deaths that were tried. */
  deaths: number;
  /** What the clients did, and what was acknowledged. */
  operations: number;
  acknowledged: number;
  checkpoints: number;
  /** Restarts within the history. */
  restarts: number;
  /** Times at which the files were removed or replaced under a running registry. */
  removals: number;
  readonly violations: string[];
}

const shown = (fact: Fact | undefined) =>
  fact
    ? `generation ${fact.generation}${fact.gone ? ', gone' : ''}${fact.draining ? ', draining' : ''}`
    : 'nothing';
const same = (a: Fact | undefined, b: Fact | undefined) => shown(a) === shown(b);

/** What happened to each id, and how much of it somebody was told will last. */
class Facts {
  readonly #all = new Map<string, Fact[]>();
  readonly #acknowledged = new Map<string, number>();

  get ids(): Iterable<string> {
    return this.#all.keys();
  }

  note(id: string, fact: Fact): void {
    const all = this.#all.get(id) ?? [];
    this.#all.set(id, all);
    if (!same(all.at(-1), fact)) all.push(fact);
  }

  count(id: string): number {
    return this.#all.get(id)?.length ?? 0;
  }

  acknowledge(id: string, count: number): void {
    this.#acknowledged.set(id, Math.max(this.#acknowledged.get(id) ?? 0, count));
  }

  /** What may be found of an id. */
  possible(id: string): (Fact | undefined)[] {
    const count = this.#acknowledged.get(id) ?? 0;
    const all = this.#all.get(id) ?? [];
    const left: (Fact | undefined)[] = all.slice(Math.max(count - 1, 0));
    // What is gone may be forgotten, but for its generation.
    return count === 0 || left.some((fact) => fact?.gone) ? [...left, undefined] : left;
  }

  /** The highest generation that somebody was given. */
  given(id: string): number {
    const all = (this.#all.get(id) ?? []).slice(0, this.#acknowledged.get(id) ?? 0);
    return all.reduce((most, { generation }) => Math.max(most, generation), 0);
  }

  /** A process goes on from what it found: what came after that has never been. */
  goOn(id: string, found: Fact | undefined): void {
    const all = this.#all.get(id);
    if (all === undefined) return;
    const at = all.map(shown).lastIndexOf(shown(found));
    all.length = Math.max(at + 1, this.#acknowledged.get(id) ?? 0);
  }
}

type Phase = 'off' | 'starting' | 'up' | 'ending';

export class CrashWorld {
  readonly report: CrashReport;
  readonly #random: () => number;
  readonly #facts = new Facts();
  #disk: CrashDisk;
  #old: CrashDisk | undefined;
  #loop = new Loop();
  #wall: number;
  /** Whether the clock moves while records are written, so that they go in many slices. */
  readonly #slow: boolean;
  readonly #vandals: boolean;
  #kept: KeptRegistry | undefined;
  #phase: Phase = 'off';
  /** Checkpoints after which all is on the disk again. */
  #doubtful: number | undefined;
  #secret: string | undefined;
  #lastCall = 'the start';

  constructor(seed: number, { vandals = true }: { vandals?: boolean } = {}) {
    this.#random = seeded(seed);
    const random = this.#random;
    this.#disk = new CrashDisk(random);
    this.#slow = random() < 0.7;
    this.#vandals = random() < 0.3 && vandals;
    this.#wall = [1.7e12, 0, -5e9][Math.floor(random() * 3)];
    this.report = {
      ...{ seed, deaths: 0, operations: 0, acknowledged: 0, checkpoints: 0 },
      ...{ restarts: 0, removals: 0, violations: [] },
    };
  }

  async run(): Promise<CrashReport> {
    const { report } = this;
    for (let n = 0; report.operations < OPERATIONS && report.violations.length === 0; n++) {
      if (n > 20_000) this.#violation('the history does not come to its end');
      await this.#turn();
    }
    if (report.violations.length === 0) await this.#end();
    this.#kept?.registry.close();
    return report;
  }

  #violation(message: string): void {
    this.report.violations.push(`${message} (after ${this.#lastCall})`);
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.#random() * all.length)];
  }

  /** Whatever follows from what was done, but for calls of the disk and the clock. */
  #settled(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  async #turn(): Promise<void> {
    if (this.#disk.waiting > 0 && this.#chance(0.7)) await this.#step();
    else if (this.#chance(0.3) || this.#phase !== 'up') await this.#wait();
    else {
      this.#operate();
      await this.#settled();
    }
  }

  /** The clock moves on. */
  async #wait(): Promise<void> {
    if (this.#phase === 'off') void this.#start();
    this.#loop.runUntil(this.#loop.now() + this.#pick([1, 20, 300, 1000, 1000, 6000]));
    await this.#settled();
  }

  /** One call of the disk, and every death after it. */
  async #step(): Promise<void> {
    const done = this.#disk.step();
    if (done !== undefined) this.#lastCall = done;
    await this.#settled();
    const state = this.#kept?.state;
    if (this.#doubtful !== undefined && state && this.#phase === 'up') {
      if (state.fault === undefined && state.figures.checkpoints >= this.#doubtful) {
        this.#doubtful = undefined;
      }
    }
    if (this.#doubtful !== undefined || done === undefined || LOOKS.test(done)) return;
    await this.#die(this.#disk.after(true), 'a power cut');
    if (this.#chance(0.3)) await this.#die(this.#disk.after(false), 'a kill');
    if (this.#chance(0.01)) this.#restart(this.#disk.after(this.#chance(0.5)));
  }

  #options() {
    const loop = this.#loop;
    const options = resolveServiceOptions({
      ...{ state: FILE, dashboard: '/none' },
      registry: {
        ...{ clock: loop, maxInstances: MOST, heartbeatInterval: 1000, ttl: 15_000 },
        wall: () => this.#wall + loop.now(),
      },
    });
    const { time } = options;
    const now = () => {
      if (this.#slow) loop.block(this.#random() * 4);
      return time.now();
    };
    return { ...options, time: { ...time, now } };
  }

  #load(disk: CrashDisk): Promise<KeptRegistry> {
    return KeptRegistry.load(this.#options(), { fs: disk.fs as never, lock: async () => UNLOCKED });
  }

  async #start(): Promise<void> {
    this.#phase = 'starting';
    this.#disk.failing = 'nothing';
    const disk = this.#disk;
    try {
      const kept = await this.#load(disk);
      if (disk !== this.#disk) return;
      const { registry } = kept;
      for (const id of this.#facts.ids) this.#facts.goOn(id, this.#fact(kept, id));
      registry.on('change', ({ instance: { id } }) => {
        const fact = this.#fact(kept, id);
        if (fact && disk === this.#disk) this.#facts.note(id, fact);
      });
      this.#kept = kept;
      if (this.#chance(0.2)) disk.failing = this.#pick(['full', 'errors']);
      await kept.begin();
      if (disk !== this.#disk) return;
      registry.begin();
      if (kept.state?.fault === undefined) {
        this.#secret ??= registry.secretOf('x', 1);
        for (const id of this.#facts.ids) this.#facts.acknowledge(id, this.#facts.count(id));
      }
      this.#phase = 'up';
    } catch (error) {
      if (disk !== this.#disk) return;
      // A new state that cannot be written is no start; the next one may.
      if (disk.failing === 'nothing') this.#violation(`no start: ${(error as Error).message}`);
      this.#restart(disk.after(false));
    }
  }

  #restart(disk: CrashDisk): void {
    this.report.restarts++;
    this.report.checkpoints += this.#kept?.state?.figures.checkpoints ?? 0;
    this.#disk = disk;
    this.#kept = undefined;
    this.#phase = 'off';
    const loop = new Loop();
    loop.block(this.#loop.now());
    this.#loop = loop;
    if (this.#chance(0.1)) this.#wall = this.#pick([1.7e12, 0, -5e9, 8e15]);
  }

  #fact({ registry }: KeptRegistry, id: string): Fact | undefined {
    const record = registry.record(id) as
      | { generation: number; gone?: true; draining?: boolean }
      | undefined;
    if (record === undefined) return undefined;
    const gone = record.gone === true;
    return { generation: record.generation, gone, draining: !gone && record.draining === true };
  }

  /** What the next process would find has to be right. */
  async #die(disk: CrashDisk, how: string): Promise<void> {
    this.report.deaths++;
    disk.immediate = true;
    const before = this.#loop.now();
    let kept: KeptRegistry;
    try {
      kept = await this.#load(disk);
    } catch (error) {
      this.#violation(`${how}: no start: ${(error as Error).message}`);
      return;
    }
    this.#checkFound(kept, how);
    kept.registry.close();
    if (this.#loop.now() !== before && !this.#slow) this.#violation('reading took time');
  }

  #checkFound(kept: KeptRegistry, how: string): void {
    const { registry } = kept;
    for (const { message } of kept.damage) {
      this.#violation(`${how}: taken for damage: ${message}`);
    }
    for (const id of this.#facts.ids) {
      const found = this.#fact(kept, id);
      const possible = this.#facts.possible(id);
      if (possible.some((fact) => same(fact, found))) continue;
      const expected = possible.map(shown).join(' or ');
      this.#violation(`${how}: ${id}: expected ${expected}, found ${shown(found)}`);
    }
    if (this.#secret !== undefined && registry.secretOf('x', 1) !== this.#secret) {
      this.#violation(`${how}: the key of the secrets is another one`);
    }
    for (const { id } of registry.instances()) registry.deregister(id);
    for (const id of this.#facts.ids) {
      const { generation } = registry.register({ id, service: 's', address: 'x' });
      registry.deregister(id);
      if (generation > this.#facts.given(id)) continue;
      const given = this.#facts.given(id);
      this.#violation(`${how}: ${id}: generation ${given} was given, ${generation} is given next`);
    }
  }

  #operate(): void {
    const kept = this.#kept as KeptRegistry;
    const { registry } = kept;
    this.report.operations++;
    const id = this.#pick(IDS);
    const dice = this.#random();
    if (dice < 0.4) void this.#acknowledged(id, () => registry.register(this.#node(id)));
    else if (dice < 0.55) void this.#acknowledged(id, () => registry.deregister(id));
    else if (dice < 0.6) void this.#acknowledged(id, () => registry.remove(id));
    else if (dice < 0.7) void this.#acknowledged(id, () => registry.drain(id));
    else if (dice < 0.75) void this.#acknowledged(id, () => registry.undrain(id));
    else if (dice < 0.88) {
      const ready = this.#chance(0.8);
      for (const { id, generation } of registry.instances()) {
        registry.heartbeat(id, { generation, ready });
      }
    } else if (dice < 0.94) {
      this.#disk.failing = this.#pick(['nothing', 'full', 'errors', 'nothing']);
    } else if (dice > 0.97 && this.#vandals) this.#vandalize();
    else if (this.#doubtful === undefined) void this.#stop(kept);
  }

  #node(id: string) {
    return { id, service: this.#pick(['web', 'api']), address: '10.0.0.1:80' };
  }

  /** As a route of the service does it. */
  async #acknowledged(id: string, change: () => unknown): Promise<void> {
    const kept = this.#kept as KeptRegistry;
    const disk = this.#disk;
    try {
      kept.writable();
      change();
      const count = this.#facts.count(id);
      await kept.durable();
      if (disk !== this.#disk) return;
      this.#facts.acknowledge(id, count);
      this.report.acknowledged++;
    } catch (error) {
      const { name } = error as Error;
      if (name !== 'ServiceError' && name !== 'RegistryFull') throw error;
    }
  }

  async #stop(kept: KeptRegistry): Promise<void> {
    this.#phase = 'ending';
    const disk = this.#disk;
    await kept.close();
    // A process that has ended its work may be killed before its disk is done.
    if (disk === this.#disk) this.#restart(disk.after(this.#chance(0.3)));
  }

  /** Somebody meddles with the files while the registry runs. */
  #vandalize(): void {
    const disk = this.#disk;
    this.report.removals++;
    // A checkpoint that is under way may have been read already: the one after it counts.
    this.#doubtful = (this.#kept?.state?.figures.checkpoints ?? 0) + 2;
    const dice = this.#random();
    if (dice < 0.5) disk.remove(this.#pick(disk.names));
    else if (dice < 0.65) for (const name of disk.names) disk.remove(name);
    else if (dice < 0.8) disk.removeFolder();
    else if (dice < 0.9) disk.replaceFolder();
    else disk.replaceFolder(this.#old);
    this.#old = disk.after(false);
  }

  /** Nothing fails any more: it goes on by itself, and takes registrations again. */
  async #end(): Promise<void> {
    this.#disk.failing = 'nothing';
    const healthy = () =>
      this.#phase === 'up' &&
      this.#disk.waiting === 0 &&
      this.#kept?.state?.fault === undefined &&
      this.#doubtful === undefined;
    for (let n = 0; !healthy() && this.report.violations.length === 0; n++) {
      this.#disk.failing = 'nothing';
      if (this.#disk.waiting > 0) await this.#step();
      else await this.#wait();
      if (n < PATIENCE) continue;
      const fault = this.#kept?.state?.fault?.message ?? `the process is ${this.#phase}`;
      this.#violation(`it does not go on by itself: ${fault}`);
    }
    if (this.report.violations.length > 0) return;
    const { acknowledged } = this.report;
    const kept = this.#kept as KeptRegistry;
    const id = kept.registry.instances()[0]?.id ?? 'a';
    void this.#acknowledged(id, () => kept.registry.register(this.#node(id)));
    for (let n = 0; n < 200 && this.report.acknowledged === acknowledged; n++) {
      await this.#settled();
      if (this.#disk.waiting > 0) await this.#step();
    }
    if (this.report.acknowledged === acknowledged && this.#kept === kept) {
      this.#violation('it takes no registration');
    }
    this.report.checkpoints += this.#kept?.state?.figures.checkpoints ?? 0;
  }
}

export const crashHistory = (
  seed: number,
  options?: { readonly vandals?: boolean },
): Promise<CrashReport> => new CrashWorld(seed, options).run();
