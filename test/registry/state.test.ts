import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { platform } from '../../src/core/host.js';
import { type FileSystem, fileSystem } from '../../src/registry/service/state/files.js';
import { type Line, load, StateError } from '../../src/registry/service/state/load.js';
import { State, type StateOptions } from '../../src/registry/service/state/state.js';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const latest = (_: Line | undefined, later: Line): Line => later;

let folder: string;
let file: string;
const open: State[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'phi-state-'));
  file = join(folder, 'registry.state');
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((state) => state.close()));
  rmSync(folder, { recursive: true, force: true });
});

/** A world whose records are in a map, and whose state is kept. */
async function keep(
  records: Map<string, Line>,
  {
    fs = fileSystem,
    number = 0,
    must = true,
    ...rest
  }: Partial<StateOptions> & {
    number?: number;
    must?: boolean;
  } = {},
): Promise<State> {
  const options: StateOptions = {
    file,
    secretKey: KEY,
    records: () => records.values(),
    interval: 1e6,
    host: { ...platform, now: () => performance.now() },
    wall: Date.now,
    fs,
    onFault: () => {},
    ...rest,
  };
  const state = await State.begin(options, number, must);
  open.push(state);
  return state;
}

const read = async (fs: FileSystem = fileSystem) => {
  const loaded = await load(fs, file, latest);
  return loaded && new Map(Array.from(loaded.records, ([id, { record }]) => [id, record]));
};

const names = () => readdirSync(folder).sort();

/** A file system whose writes fail while `full` is set, after a part of them. */
function fillingDisk() {
  const disk = { full: false, syncs: 0 };
  const error = () => Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
  const wrap = (handle: FileHandle) =>
    new Proxy(handle, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'write') return value.bind(target);
        return async (bytes: Uint8Array, at: number) => {
          if (!disk.full) return target.write(bytes, at);
          // As a disk that has room for a part: the first write is short, the next one fails.
          const part = Math.floor((bytes.length - at) / 2);
          if (part < 4) throw error();
          return target.write(bytes, at, part);
        };
      },
    });
  const fs: FileSystem = {
    ...fileSystem,
    open: (async (...args: Parameters<typeof fileSystem.open>) =>
      wrap(await fileSystem.open(...args))) as typeof fileSystem.open,
  };
  return { fs, disk };
}

describe('a state', () => {
  it('is read as it was written, the journal over the checkpoint', async () => {
    const records = new Map<string, Line>([['a', { id: 'a', n: 1 }]]);
    const state = await keep(records);
    state.append({ id: 'b', n: 1 });
    state.append({ id: 'a', n: 2 });
    await state.durable();
    expect(await read()).toEqual(
      new Map([
        ['a', { id: 'a', n: 2 }],
        ['b', { id: 'b', n: 1 }],
      ]),
    );
    expect((await load(fileSystem, file, latest))?.secretKey).toEqual(Buffer.from(KEY));
  });

  it('is none where there is no file', async () => {
    expect(await read()).toBeUndefined();
  });

  it('is for its owner alone', async () => {
    await keep(new Map());
    for (const name of names()) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  });

  it('leaves one file and one journal behind, whatever was there before', async () => {
    writeFileSync(join(folder, 'registry.state.new'), 'half a checkpoint');
    await keep(new Map(), { number: 6 });
    expect(names()).toEqual(['registry.state', 'registry.state.journal.7']);
  });

  it('survives any crash: what was acknowledged is there', async () => {
    // The files are read while the state goes on, as a crash at that moment would leave them.
    const records = new Map<string, Line>();
    const state = await keep(records, { interval: 1 });
    const acknowledged = new Map<string, number>();
    for (let n = 1; n <= 300; n++) {
      const record = { id: `i${n % 7}`, n };
      records.set(record.id, record);
      state.append(record);
      await state.durable();
      acknowledged.set(record.id, n);
      if (n % 3 === 0) await vi.waitUntil(() => true);
      // A checkpoint may take the place of the files between the reads of them.
      const found = await read().catch((error) => {
        if (error instanceof StateError || error.code === 'ENOENT') return undefined;
        throw error;
      });
      for (const [id, least] of found ? acknowledged : []) expect(found?.get(id)?.n).toBe(least);
    }
    expect(state.figures.checkpoints).toBeGreaterThan(1);
  });

  it('begins a journal with each checkpoint, and removes the old one', async () => {
    const state = await keep(new Map([['a', { id: 'a' }]]), { interval: 1 });
    await vi.waitUntil(() => state.figures.checkpoints > 5);
    await state.close();
    expect(names()).toHaveLength(2);
  });

  it('gives the event loop a rest between slices', async () => {
    let now = 0;
    const records = new Map(Array.from({ length: 100 }, (_, i) => [`${i}`, { id: `${i}` }]));
    const rests: number[] = [];
    const host = {
      ...platform,
      now: () => (now += 1), // each record takes a millisecond
      setTimeout: (call: () => void, ms: number) => {
        rests.push(ms);
        // Rests alone are shortened: without its patience, close() leaves while files are written.
        return platform.setTimeout(call, ms === 20 ? 1 : ms);
      },
    };
    const state = await keep(records, { host });
    expect(rests.filter((ms) => ms === 20).length).toBeGreaterThanOrEqual(19);
    expect(state.figures.busy).toBeGreaterThanOrEqual(100);
    expect(rests.at(-1)).toBe(1e6); // 20 × busy is less than the interval
  });
});

describe('a file that cannot be read', () => {
  const head = () => ({
    format: 'phi-accrual registry',
    version: 1,
    secretKey: Buffer.from(KEY).toString('base64'),
    journal: 1,
    writtenAt: 1,
  });
  const lines = (...all: unknown[]) => `${all.map((each) => JSON.stringify(each)).join('\n')}\n`;
  const write = (text: string, journal: string | null = '') => {
    writeFileSync(file, text);
    if (journal !== null) writeFileSync(`${file}.journal.1`, journal);
  };

  it.each([
    ['is empty', '', '', 'it is empty'],
    ['is not ours', 'hello\n', '', 'line 1: no JSON'],
    ['is of another version', () => lines({ ...head(), version: 2 }), '', 'version: expected 1'],
    ['has no end', () => lines(head(), { id: 'a' }), '', 'its last line is missing, there are 1'],
    ['lost a record', () => lines(head(), { id: 'a' }, { end: 2 }), '', 'it says 2 records'],
    ['is cut off', () => lines(head(), { end: 0 }).slice(0, -3), '', 'line 2: it is cut off'],
    ['has garbage', () => lines(head(), 7, { end: 1 }), '', 'line 2: record: expected an object'],
    ['goes on', () => lines(head(), { end: 0 }, { id: 'a' }), '', 'line 3: nothing may follow'],
    ['has no journal', () => lines(head(), { end: 0 }), null, 'journal.1: the journal is'],
    ['has a bad line in its journal', () => lines(head(), { end: 0 }), '{"id"\n', '1, line 1: no'],
  ])('%s: the error says where, and the file stays as it is', async (_, text, journal, message) => {
    const content = typeof text === 'string' ? text : text();
    write(content, journal);
    await expect(read()).rejects.toThrow(StateError);
    await expect(read()).rejects.toThrow(message);
    expect(readFileSync(file, 'utf8')).toBe(content);
  });

  it('is missing beside its journal', async () => {
    writeFileSync(`${file}.journal.3`, '');
    await expect(read()).rejects.toThrow('it is missing, but not its journal');
  });

  it('may lack the end of its last line in the journal: nobody was told of that', async () => {
    write(lines(head(), { end: 0 }), '{"id":"a"}\n{"id":"b","n":');
    expect(await read()).toEqual(new Map([['a', { id: 'a' }]]));
  });

  it('never gives more than was written, however it is cut', async () => {
    const whole = lines({ id: 'a', n: 1 }, { id: 'b', n: 2 }, { id: 'a', n: 3 });
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length), async (at) => {
        write(lines(head(), { end: 0 }), whole.slice(0, at));
        const found = await read();
        const full = whole
          .slice(0, at)
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line));
        expect(found).toEqual(new Map(full.map((record) => [record.id, record])));
      }),
    );
  });
});

describe('a full disk', () => {
  it('keeps the old state, promises nothing, and recovers by itself', async () => {
    const { fs, disk } = fillingDisk();
    const records = new Map<string, Line>([['a', { id: 'a', n: 1 }]]);
    const faults: (string | undefined)[] = [];
    const state = await keep(records, { fs, onFault: (fault) => faults.push(fault?.message) });
    disk.full = true;
    records.set('b', { id: 'b', n: 1 });
    state.append({ id: 'b', n: 1 });
    await expect(state.durable()).rejects.toThrow('ENOSPC');
    expect(state.fault?.message).toContain('ENOSPC');
    expect(await read()).toEqual(new Map([['a', { id: 'a', n: 1 }]]));

    // It goes on for a while: what changes meanwhile is in nobody's journal, and no file is added.
    records.set('c', { id: 'c', n: 1 });
    state.append({ id: 'c', n: 1 });
    await expect(state.durable()).rejects.toThrow('ENOSPC');
    await vi.waitUntil(() => state.figures.faults >= 5, { timeout: 20_000 });
    expect(names().length).toBeLessThanOrEqual(3);
    expect(await read()).toEqual(new Map([['a', { id: 'a', n: 1 }]]));

    disk.full = false;
    await vi.waitUntil(() => state.fault === undefined, { timeout: 5000 });
    expect(faults).toEqual([expect.stringContaining('ENOSPC'), undefined]);
    state.append({ id: 'a', n: 2 });
    await state.durable();
    expect([...((await read()) ?? [])].map(([id, { n }]) => `${id}${n}`).sort()).toEqual([
      'a2',
      'b1',
      'c1',
    ]);
    expect(names()).toHaveLength(2);
  });

  it('does not put half a checkpoint in the place of a whole one', async () => {
    const { fs, disk } = fillingDisk();
    const records = new Map<string, Line>([['a', { id: 'a', n: 1 }]]);
    const state = await keep(records, { fs });
    await state.close();
    disk.full = true;
    const before = readFileSync(file, 'utf8');
    const next = await keep(records, { fs, number: 2, must: false });
    expect(next.fault?.message).toContain('ENOSPC');
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(names()).not.toContain('registry.state.new');
  });

  it('is an error at the start of a new state', async () => {
    const { fs, disk } = fillingDisk();
    disk.full = true;
    await expect(keep(new Map(), { fs })).rejects.toThrow('ENOSPC');
    expect(names()).toEqual([]);
  });

  it('that hangs is given up at the end, and nothing takes the place of the files later', async () => {
    const disk = { hangs: false, go: () => {} };
    const gate = new Promise<void>((resolve) => {
      disk.go = resolve;
    });
    const ends: string[] = [];
    const fs: FileSystem = {
      ...fileSystem,
      open: (async (name: string, ...rest: ['w', number]) => {
        if (disk.hangs && name.endsWith('.new')) await gate;
        return fileSystem.open(name, ...rest);
      }) as typeof fileSystem.open,
      rename: async (from, to) => {
        await fileSystem.rename(from, to);
        if (disk.hangs) ends.push('renamed');
      },
      unlink: async (name) => {
        await fileSystem.unlink(name);
        if (disk.hangs) ends.push('removed');
      },
    };
    const records = new Map<string, Line>([['a', { id: 'a', n: 1 }]]);
    const state = await keep(records, { fs });
    disk.hangs = true;
    await state.close(20);
    records.clear(); // as a registry that has ended
    disk.go();
    await vi.waitUntil(() => ends.length > 0, { timeout: 20_000 });
    expect(ends).toEqual(['removed']);
    expect(await read()).toEqual(new Map([['a', { id: 'a', n: 1 }]]));
  });

  it('is given up where another process writes the same journals', async () => {
    const faults: string[] = [];
    const onFault = (fault: Error | undefined) => faults.push(String(fault?.message));
    const state = await keep(new Map(), { interval: 1, onFault });
    writeFileSync(`${file}.journal.2`, '');
    await vi.waitUntil(() => state.fault !== undefined);
    expect(state.fault?.message).toContain('EEXIST');
    rmSync(`${file}.journal.2`);
    const before = readFileSync(file, 'utf8');
    await state.close();
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(faults).toHaveLength(1);
  });

  it('promises nothing in a journal that another process has removed', async () => {
    const state = await keep(new Map());
    rmSync(`${file}.journal.1`);
    state.append({ id: 'a' });
    await expect(state.durable()).rejects.toThrow('another registry writes the same state');
  });

  it('reads no device, which may have no end', async () => {
    symlinkSync('/dev/zero', file);
    await expect(read()).rejects.toThrow(`${file}: it is no regular file`);
  });
});
