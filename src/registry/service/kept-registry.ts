/** A registry whose members, generations and learnt windows are in a file. */
import { randomBytes } from 'node:crypto';
import type { InstanceRecord } from '../records.js';
import { Registry } from '../registry.js';
import { ServiceError } from './errors.js';
import type { ResolvedServiceOptions } from './options.js';
import { type FileSystem, fileSystem } from './state/files.js';
import { generationOf, KEY_BYTES } from './state/heads.js';
import { type Damage, type Line, type Loaded, load, StateError } from './state/load.js';
import { Lock } from './state/lock.js';
import { State } from './state/state.js';

/** Of what is damaged so much is told one by one. */
const MOST_TOLD = 20;
/** After damage no generation is given that may have been: some that were are not known any more. */
const LEAP = 1000;

/**
 * A line of the journal has all but what was learnt. A generation that is over does not come back,
 * whatever the order in which a checkpoint and the lines of a journal are read.
 */
function merge(earlier: Line | undefined, later: Line): Line {
  if (earlier === undefined) return later;
  const [before, after] = [generationOf(earlier.generation), generationOf(later.generation)];
  const isOver = earlier.gone === true && later.gone !== true;
  if (after < before || (after === before && isOver && after > 0)) return earlier;
  if (later.learnt !== undefined || earlier.learnt === undefined) return later;
  return { ...later, learnt: earlier.learnt };
}

/**
 * Puts in what was read. Returns what of it is no record: what can be used of it is used, its
 * generation at least.
 */
function restore(registry: Registry, { records }: Loaded): Damage[] {
  const damage: Damage[] = [];
  for (const [id, { record, place }] of records) {
    const generation = generationOf(record.generation);
    const { learnt, ...rest } = record;
    const [file] = place.split(', line ');
    for (const attempt of [record, rest, { id, generation, gone: true }]) {
      try {
        registry.restoreRecord(attempt as unknown as InstanceRecord);
        break;
      } catch (error) {
        if (attempt === record)
          damage.push({ file, message: `${place}: ${(error as Error).message}` });
      }
    }
  }
  return damage;
}

/** How a state is held, and where it is; tests put others in their place. */
export interface StatePlace {
  readonly fs: FileSystem;
  readonly lock: (file: string) => Promise<Pick<Lock, 'hold' | 'release'>>;
}

const PLACE: StatePlace = { fs: fileSystem, lock: (file) => Lock.take(file) };

interface Held {
  readonly options: ResolvedServiceOptions;
  readonly fs: FileSystem;
  readonly lock: Pick<Lock, 'hold' | 'release'> | undefined;
  readonly loaded: Loaded | undefined;
  readonly damage: readonly Damage[];
  readonly secretKey: Uint8Array;
}

export class KeptRegistry {
  readonly registry: Registry;
  readonly #held: Held;
  #state: State | undefined;

  private constructor(registry: Registry, held: Held) {
    this.registry = registry;
    this.#held = held;
  }

  /**
   * Reads the state, and holds it until it is closed; writes nothing.
   *
   * @throws StateError if another registry holds it, if it is no state, or, with option
   * `refuseDamagedState`, with file and line of what is damaged; the system's error if a file cannot
   * be read
   */
  static async load(
    options: ResolvedServiceOptions,
    { fs, lock: take }: StatePlace = PLACE,
  ): Promise<KeptRegistry> {
    const { state: file, registry: wanted } = options;
    const lock = file === undefined ? undefined : await take(file);
    let registry: Registry | undefined;
    try {
      const loaded = file === undefined ? undefined : await load(fs, file, merge);
      const secretKey = loaded?.secretKey ?? wanted.secretKey ?? randomBytes(KEY_BYTES);
      registry = new Registry({ ...wanted, secretKey });
      const damage: Damage[] = [];
      if (file !== undefined && loaded !== undefined) {
        damage.push(...loaded.damage, ...restore(registry, loaded));
        if (loaded.secretKey === undefined && !loaded.isNew) {
          const message = `${file}: the key of the leases' secrets is lost: there is a new one, and all have to register again`;
          damage.push({ file, message });
        }
        registry.raiseGenerations(
          damage.length > 0 ? loaded.given + LEAP : Math.max(loaded.forgotten, 0),
        );
      }
      if (options.refuseDamagedState && damage.length > 0) {
        const more = damage.length > 1 ? ` (and ${damage.length - 1} more)` : '';
        throw new StateError(`${damage[0].message}${more}`);
      }
      return new KeptRegistry(registry, { options, fs, lock, loaded, damage, secretKey });
    } catch (error) {
      registry?.close();
      await lock?.release();
      throw error;
    }
  }

  /** What of the state could not be used at the start. */
  get damage(): readonly Damage[] {
    return this.#held.damage;
  }

  /** Whether there was a state of before, and nothing of it is lost. */
  get isWhole(): boolean {
    const { loaded, damage } = this.#held;
    return loaded !== undefined && !loaded.isNew && damage.length === 0;
  }

  get state(): State | undefined {
    return this.#state;
  }

  /** Begins to write. @throws the system's error if a new state cannot be */
  async begin(): Promise<void> {
    const { options, fs, lock, loaded, secretKey } = this.#held;
    const { state: file, checkpointInterval, time, wall, onNotice } = options;
    if (file === undefined || lock === undefined) return;
    this.#tell();
    const { registry } = this;
    const stateOptions = {
      ...{ file, secretKey, interval: checkpointInterval, host: time, wall, fs },
      records: () => registry.records() as Iterable<unknown> as Iterable<Line>,
      generations: () => registry.generations,
      hold: () => lock.hold(),
      onFault: (fault: Error | undefined) => {
        const where = fault?.message.startsWith(file) ? '' : `${file}: `;
        const message = `${where}${fault?.message}`;
        if (fault) onNotice({ kind: 'state-fault', message, error: fault });
        else onNotice({ kind: 'state-recovered', message: `${file}: it can be written again` });
      },
    };
    this.#state = await State.begin(stateOptions, loaded);
    registry.on('record', ({ id }) => {
      const record = registry.record(id);
      if (record) this.#state?.append(record as unknown as Line);
    });
  }

  /** What was found at the start that is not as it ought to be. */
  #tell(): void {
    const { options, loaded, damage } = this.#held;
    const { onNotice } = options;
    for (const { message } of damage.slice(0, MOST_TOLD)) {
      onNotice({ kind: 'state-damaged', message });
    }
    const more = damage.length - MOST_TOLD;
    if (more > 0) onNotice({ kind: 'state-damaged', message: `and ${more} more like these` });
    if (damage.length > 0) {
      const kept = [...(loaded?.copies.values() ?? [])].join(', ');
      const message = `the rest of the state is used: ${this.registry.size} instances${kept && `; what is damaged is kept in ${kept}`}`;
      onNotice({ kind: 'state-damaged', message });
    }
    if (loaded?.unfinished) onNotice({ kind: 'state-unfinished', message: loaded.unfinished });
  }

  /** @throws ServiceError if no change could be made to last at present */
  readonly writable = (): void => {
    if (this.#held.options.state === undefined) return;
    if (this.#state === undefined) {
      throw new ServiceError('state-unwritable', 'the registry is starting', {
        'retry-after': '1',
      });
    }
    if (this.#state.fault) throw this.#unwritable();
  };

  /** Resolves once every change so far will survive a crash. @throws ServiceError if it may not */
  readonly durable = async (): Promise<void> => {
    try {
      await this.#state?.durable();
    } catch {
      throw this.#unwritable(); // what is wrong is for the log, and for /readyz
    }
  };

  #unwritable(): ServiceError {
    const message = 'the state cannot be written: nothing can be promised at present';
    return new ServiceError('state-unwritable', message, { 'retry-after': '1' });
  }

  async close(): Promise<void> {
    await this.#state?.close();
    this.registry.close();
    const { lock } = this.#held;
    if (lock === undefined) return;
    // A disk that hangs may still take a write of ours: nobody else may begin before.
    let isEnded = this.#state === undefined;
    const ended = this.#state?.ended().then(() => {
      isEnded = true;
    });
    await Promise.race([ended, Promise.resolve()]);
    if (isEnded) await lock.release();
    else void ended?.then(() => lock.release());
  }
}
