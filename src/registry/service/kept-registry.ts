/** A registry whose members, generations and learnt windows are in a file. */
import { randomBytes } from 'node:crypto';
import type { InstanceRecord } from '../records.js';
import { Registry } from '../registry.js';
import { ServiceError } from './errors.js';
import type { ResolvedServiceOptions } from './options.js';
import { type FileSystem, fileSystem } from './state/files.js';
import { KEY_BYTES, type Line, load, StateError } from './state/load.js';
import { lock } from './state/lock.js';
import { State } from './state/state.js';

/** A line of the journal has all but what was learnt. */
function merge(earlier: Line | undefined, later: Line): Line {
  if (later.learnt !== undefined || earlier?.learnt === undefined) return later;
  return { ...later, learnt: earlier.learnt };
}

/** @throws StateError with the place */
function restore(registry: Registry, record: Line, place: string): void {
  try {
    registry.restoreRecord(record as unknown as InstanceRecord);
  } catch (error) {
    throw new StateError(`${place}: ${(error as Error).message}`, { cause: error });
  }
}

export class KeptRegistry {
  readonly registry: Registry;
  readonly #options: ResolvedServiceOptions;
  readonly #fs: FileSystem;
  readonly #secretKey: Uint8Array;
  /** The highest number of a journal; undefined for a state that is new. */
  readonly #journal: number | undefined;
  readonly #unlock: () => Promise<void>;
  #state: State | undefined;

  private constructor(
    options: ResolvedServiceOptions,
    fs: FileSystem,
    registry: Registry,
    secretKey: Uint8Array,
    journal: number | undefined,
    unlock: () => Promise<void>,
  ) {
    this.#options = options;
    this.#fs = fs;
    this.registry = registry;
    this.#secretKey = secretKey;
    this.#journal = journal;
    this.#unlock = unlock;
  }

  /**
   * Reads the state, and holds it until it is closed; writes nothing.
   *
   * @throws StateError with file and line, or if another registry holds it; the system's error if a
   * file cannot be read
   */
  static async load(
    options: ResolvedServiceOptions,
    fs: FileSystem = fileSystem,
  ): Promise<KeptRegistry> {
    const { state: file, registry: wanted } = options;
    const unlock = file === undefined ? async () => {} : await lock(file);
    let registry: Registry | undefined;
    try {
      const loaded = file === undefined ? undefined : await load(fs, file, merge);
      const secretKey = loaded?.secretKey ?? wanted.secretKey ?? randomBytes(KEY_BYTES);
      registry = new Registry({ ...wanted, secretKey });
      for (const { record, place } of loaded?.records.values() ?? [])
        restore(registry, record, place);
      return new KeptRegistry(options, fs, registry, secretKey, loaded?.journal, unlock);
    } catch (error) {
      registry?.close();
      await unlock();
      throw error;
    }
  }

  get state(): State | undefined {
    return this.#state;
  }

  /** Begins to write. @throws the system's error if a new state cannot be */
  async begin(): Promise<void> {
    const { state: file, checkpointInterval, time, wall, onNotice } = this.#options;
    if (file === undefined) return;
    const { registry } = this;
    const options = {
      file,
      secretKey: this.#secretKey,
      records: () => registry.records() as Iterable<unknown> as Iterable<Line>,
      interval: checkpointInterval,
      host: time,
      wall,
      fs: this.#fs,
      onFault: (fault: Error | undefined) => {
        const told = { kind: 'state-fault', message: `${file}: ${fault?.message}`, error: fault };
        if (fault) onNotice(told as never);
        else onNotice({ kind: 'state-recovered', message: `${file}: it can be written again` });
      },
    };
    // An old state may be read, and the registry do its work, though the disk is full.
    this.#state = await State.begin(options, this.#journal ?? 0, this.#journal === undefined);
    registry.on('change', ({ instance: { id } }) => {
      const record = registry.record(id);
      if (record) this.#state?.append(record as unknown as Line);
    });
  }

  /** @throws ServiceError if no change could be made to last at present */
  readonly writable = (): void => {
    if (this.#options.state === undefined) return;
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
    await this.#unlock();
  }
}
