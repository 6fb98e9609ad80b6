import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { platform } from '../../src/core/host.js';
import {
  type FileSystem,
  fileSystem,
  type OpenFile,
} from '../../src/registry/service/state/files.js';
import { LineWriter } from '../../src/registry/service/state/lines.js';
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
    generations: () => ({ given: 7, forgotten: 3 }),
    interval: 1e6,
    hold: async () => false,
    host: { ...platform, now: () => performance.now() },
    wall: Date.now,
    fs,
    onFault: () => {},
    ...rest,
  };
  const state = await State.begin(options, { journal: number, isNew: must, copies: new Map() });
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
  const wrap = (handle: OpenFile) =>
    new Proxy(handle, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'write') return value.bind(target);
        return async (bytes: Uint8Array, at = 0) => {
          if (!disk.full) return target.write(bytes, at);
          // As a disk that has room for a part: the first write is short, the next one fails.
          const part = Math.floor((bytes.length - at) / 2);
          if (part < 4) throw error();
          return target.write(bytes.subarray(0, at + part), at);
        };
      },
    });
  const fs: FileSystem = {
    ...fileSystem,
    open: async (...args) => wrap(await fileSystem.open(...args)),
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
    await vi.waitUntil(() => state.figures.checkpoints > 5, { timeout: 20_000 });
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

/** Lines as they are written today, with checksums. */
const checked = (...all: object[]) => {
  const lines = new LineWriter();
  return all.map((each) => lines.line(JSON.stringify(each))).join('');
};
/** And with the last one. */
const whole = (...all: object[]) => {
  const lines = new LineWriter();
  return all.map((each) => lines.line(JSON.stringify(each))).join('') + lines.last();
};
const head = (more: object = {}) => ({
  format: 'phi-accrual registry',
  version: 2,
  secretKey: Buffer.from(KEY).toString('base64'),
  journal: 1,
  writer: 'w',
  ...more,
});
const journalHead = (more: object = {}) => ({
  ...head(),
  format: 'phi-accrual registry journal',
  ended: false,
  first: false,
  ...more,
});
const write = (text: string | null, ...journals: (string | null)[]) => {
  if (text !== null) writeFileSync(file, text);
  journals.forEach((journal, n) => {
    if (journal !== null) writeFileSync(`${file}.journal.${n + 1}`, journal);
  });
};
const found = async () => {
  const loaded = await load(fileSystem, file, latest);
  return {
    ids: [...(loaded?.records.keys() ?? [])].join(''),
    told: loaded?.damage.map(({ message }) => message.replaceAll(`${folder}/`, '')) ?? [],
    key: loaded?.secretKey && Buffer.from(loaded.secretKey).equals(KEY),
    unfinished: loaded?.unfinished?.replaceAll(`${folder}/`, ''),
  };
};
const [a, b, c] = ['a', 'b', 'c'].map((id) => ({ id }));

describe('a state that is damaged', () => {
  const flipped = (text: string, part: string) => {
    expect(text).toContain(part);
    return text.replace(
      part,
      part.replace(/.$/, (last) => (last === 'x' ? 'y' : 'x')),
    );
  };
  const swapped = (text: string) => {
    const lines = text.split('\n');
    [lines[1], lines[2]] = [lines[2], lines[1]];
    return lines.join('\n');
  };

  it.each<[string, string | null, (string | null)[], string, string[]]>([
    ['is whole', whole(head(), a, b), [whole(journalHead(), c)], 'abc', []],
    [
      'has another character in a record',
      flipped(whole(head(), a, b), '"a'),
      [whole(journalHead(), c)],
      'bc',
      ['registry.state, line 2: its checksum is another'],
    ],
    [
      'has another character in its key, which is in the journal as well',
      flipped(whole(head(), a, b), '"secretKey":"AA'),
      [whole(journalHead(), c)],
      'abc',
      ['registry.state, line 1: its checksum is another'],
    ],
    [
      'has another character in its last line',
      flipped(whole(head(), a, b), '{"end'),
      [whole(journalHead())],
      'ab',
      ['registry.state, line 4: its checksum is another'],
    ],
    [
      'has its lines in another order',
      swapped(whole(head(), a, b)),
      [whole(journalHead())],
      'ba',
      ['registry.state, line 4: it says 3 lines before it, they are others'],
    ],
    [
      'lost a line',
      whole(head(), a, b).replace(/.*"id":"a".*\n/, ''),
      [whole(journalHead())],
      'b',
      ['registry.state, line 3: it says 3 lines before it, there are 2'],
    ],
    [
      'is cut off',
      whole(head(), a, b).slice(0, -3),
      [whole(journalHead(), c)],
      'abc',
      ['registry.state, line 4: it is cut off'],
    ],
    [
      'is cut off between two lines',
      checked(head(), a),
      [whole(journalHead(), c)],
      'ac',
      ['registry.state: its last line is missing'],
    ],
    ['is empty', '', [whole(journalHead(), c)], 'c', ['registry.state: it is empty']],
    [
      'is none',
      null,
      [whole(journalHead(), c)],
      'c',
      ['registry.state: it is missing, but not its journals'],
    ],
    [
      'is of a later version, whatever that adds',
      whole(head({ version: 3, more: true }), { id: 'a', colour: 'red' }),
      [whole(journalHead(), c)],
      'ac',
      ['registry.state, line 1: version 3 is not known here: it is read as version 2'],
    ],
    [
      'goes on after its end',
      `${whole(head(), a)}${checked(b)}`,
      [whole(journalHead(), c)],
      'ac',
      ['registry.state, line 4: nothing may follow the last line'],
    ],
    [
      'has no journal',
      whole(head(), a),
      [],
      'a',
      ['registry.state.journal.1: the journal is missing'],
    ],
    [
      'has an empty journal',
      whole(head(), a),
      [''],
      'a',
      ['registry.state.journal.1: it is empty'],
    ],
    [
      'has another character in its journal',
      whole(head(), a),
      [flipped(checked(journalHead(), b, c), '"b')],
      'ac',
      ['registry.state.journal.1, line 2: its checksum is another'],
    ],
    [
      'has a journal that is cut off, though a later one follows',
      whole(head(), a),
      [checked(journalHead(), b, c).slice(0, -3), whole(journalHead({ journal: 2, ended: true }))],
      'ab',
      ['registry.state.journal.1, line 3: it is cut off'],
    ],
    [
      'lacks a journal between two',
      whole(head(), a),
      [whole(journalHead(), b), null, whole(journalHead({ journal: 3, ended: true }), c)],
      'abc',
      ['registry.state.journal.2: the journal is missing'],
    ],
    [
      'has garbage beside a journal',
      'hello\n',
      [whole(journalHead(), c)],
      'c',
      ['registry.state, line 1: its checksum is another'],
    ],
  ])(
    'and %s is told with file and line, and the rest is used',
    async (_, text, journals, ids, told) => {
      write(text, ...journals);
      const before = names().map((name) => readFileSync(join(folder, name), 'utf8'));
      expect(await found()).toMatchObject({ ids, told });
      if (journals.length > 0 && journals[0] !== '') expect((await found()).key).toBe(true);
      expect(names().map((name) => readFileSync(join(folder, name), 'utf8'))).toEqual(before);
    },
  );

  it('is told, whichever bit of its files is another', async () => {
    const files = [whole(head(), a, b), whole(journalHead(), c)];
    await fc.assert(
      fc.asyncProperty(fc.nat(1), fc.nat(), fc.nat(7), async (which, at, bit) => {
        const bytes = files.map((text) => Buffer.from(text));
        bytes[which][at % bytes[which].length] ^= 1 << bit;
        writeFileSync(file, bytes[0]);
        writeFileSync(`${file}.journal.1`, bytes[1]);
        const loaded = await load(fileSystem, file, latest);
        const name = [file, `${file}.journal.1`][which];
        // A journal without its last new line is one whose writer was killed: it is told as that.
        if (which === 1 && at % bytes[1].length === bytes[1].length - 1) {
          expect(loaded?.unfinished).toContain(name);
          return;
        }
        expect(loaded?.damage[0]?.file).toBe(name);
        expect(loaded?.damage[0]?.message).toMatch(/, line \d+: /);
        expect(loaded?.copies.get(name)).toMatch(/\.damaged-[0-9a-f]{8}$/);
        // One bit is in one line, or it is the end of one, and there are two.
        expect([1, 2, 3]).toContain(loaded?.records.size);
        expect(Buffer.from(loaded?.secretKey as Uint8Array)).toEqual(Buffer.from(KEY));
      }),
      // The end of the last line of the journal, which was once taken for a write that was cut off.
      { numRuns: 300, examples: [[1, whole(journalHead(), c).length - 1, 0]] },
    );
  });

  it('is told, wherever a file is cut that was ended', async () => {
    const files = [whole(head(), a, b), whole(journalHead(), c)];
    await fc.assert(
      fc.asyncProperty(fc.nat(1), fc.nat(), async (which, at) => {
        const texts = [...files];
        texts[which] = texts[which].slice(0, at % texts[which].length);
        write(texts[0], texts[1]);
        const { told, unfinished } = await found();
        expect([...told, unfinished].join()).toContain(['registry.state', 'journal.1'][which]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a state of which no more is there than a process leaves that is killed', () => {
  it.each<[string, string | null, string[], string, string | undefined]>([
    [
      'a journal without an end',
      whole(head(), a),
      [checked(journalHead(), b)],
      'ab',
      'registry.state.journal.1: the registry that wrote it did not end in order; 1 changes are read',
    ],
    [
      'a journal that ends within a line',
      whole(head(), a),
      [checked(journalHead(), b).slice(0, -2)],
      'a',
      'registry.state.journal.1: the registry that wrote it did not end in order; 0 changes are read; line 2 is cut off, which nobody was told is there',
    ],
    [
      'a later journal that has nothing yet',
      whole(head(), a),
      [whole(journalHead(), b), ''],
      'ab',
      undefined,
    ],
    [
      'a first journal before the first checkpoint',
      null,
      [checked(journalHead({ first: true }))],
      '',
      'registry.state.journal.1: the registry that began it did not come to its first checkpoint',
    ],
    [
      'half of such a one',
      null,
      ['0123'],
      '',
      'registry.state.journal.1: the registry that began it did not come to its first checkpoint',
    ],
  ])('is not damaged: %s', async (_, text, journals, ids, unfinished) => {
    write(text, ...journals);
    const { told, ...rest } = await found();
    expect(told).toEqual([]);
    expect(rest.ids).toBe(ids);
    if (unfinished) expect(rest.unfinished).toBe(unfinished);
  });

  it('never gives more than was written, however it is cut', async () => {
    const [first, ...lines] = [
      journalHead(),
      { id: 'a', n: 1 },
      { id: 'b', n: 2 },
      { id: 'a', n: 3 },
    ];
    const text = checked(first, ...lines);
    const least = checked(first).length;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: least, max: text.length }), async (at) => {
        write(whole(head()), text.slice(0, at));
        const full = lines.slice(0, text.slice(0, at).split('\n').length - 2);
        expect(await read()).toEqual(new Map(full.map((record) => [record.id, record])));
        expect((await found()).told).toEqual([]);
      }),
    );
  });
});

describe('a state without checksums, of a version before', () => {
  const plain = (...all: unknown[]) => `${all.map((each) => JSON.stringify(each)).join('\n')}\n`;
  const old = (more: object = {}) => {
    const { writer, ...rest } = head({ version: 1, writtenAt: 1, ...more });
    return rest;
  };

  it.each<[string, string, string | null, string, string[]]>([
    ['is read', plain(old(), a, b, { end: 2 }), plain(c), 'abc', []],
    ['is read with a line twice', plain(old(), a, b, a, { end: 3 }), '', 'ab', []],
    [
      'is read though it was written before 1970',
      plain(old({ writtenAt: -5e9 }), a, { end: 1 }),
      '',
      'a',
      [],
    ],
    ['has no end', plain(old(), a), '', 'a', ['registry.state: its last line is missing']],
    [
      'lost a record',
      plain(old(), a, { end: 2 }),
      '',
      'a',
      ['registry.state, line 3: it says 2 records, there are 1'],
    ],
    [
      'has garbage',
      plain(old(), 7, b, { end: 2 }),
      '',
      'b',
      ['registry.state, line 2: it is no record'],
    ],
    [
      'has no journal',
      plain(old(), a, { end: 1 }),
      null,
      'a',
      ['registry.state.journal.1: the journal is missing'],
    ],
    [
      'has a bad line in its journal',
      plain(old(), a, { end: 1 }),
      '{"id"\n{"id":"b"}\n',
      'ab',
      [expect.stringContaining('journal.1, line 1: no JSON') as never],
    ],
  ])('%s', async (_, text, journal, ids, told) => {
    write(text, journal);
    expect(await found()).toMatchObject({ ids, told, key: true });
  });
});

describe('what is no state', () => {
  it('is refused, and left as it is', async () => {
    for (const text of ['hello\n', '{"type":"FeatureCollection"}\n', '{"id":"a"}\n']) {
      write(text);
      await expect(read()).rejects.toThrow(StateError);
      await expect(read()).rejects.toThrow(`${file}, line 1: this is no state of a registry`);
      expect(readFileSync(file, 'utf8')).toBe(text);
    }
  });

  it('is no file: a device may have no end', async () => {
    symlinkSync('/dev/zero', file);
    await expect(read()).rejects.toThrow(`${file}: it is no regular file`);
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
      open: async (name, ...rest) => {
        if (disk.hangs && name.endsWith('.new')) await gate;
        return fileSystem.open(name, ...rest);
      },
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
});

describe('files that somebody else removes or writes', () => {
  const recovered = async (state: State) => {
    await vi.waitUntil(() => state.fault === undefined, { timeout: 20_000 });
    state.append({ id: 'later' });
    await state.durable();
    expect(await read()).toEqual(
      new Map([
        ['a', { id: 'a' }],
        ['later', { id: 'later' }],
      ]),
    );
  };

  it.each<[string, () => void, string]>([
    ['its journal', () => rmSync(`${file}.journal.1`), 'journal.1: it was removed'],
    ['the state file', () => rmSync(file), 'registry.state: it was removed'],
    [
      'all of it',
      () => {
        for (const name of names()) rmSync(join(folder, name));
      },
      'journal.1: it was removed',
    ],
    ['its folder', () => rmSync(folder, { recursive: true }), 'journal.1: it was removed'],
    [
      'its folder, for another one',
      () => {
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
      },
      'journal.1: it was removed',
    ],
  ])('are said to be gone and are written anew: %s', async (_, remove, message) => {
    const faults: (string | undefined)[] = [];
    const onFault = (fault: Error | undefined) => faults.push(fault?.message);
    const state = await keep(new Map([['a', { id: 'a' }]]), { onFault });
    remove();
    state.append({ id: 'b' }); // in no checkpoint, and nobody is told that it is there
    await expect(state.durable()).rejects.toThrow(message);
    await recovered(state);
    expect(faults[0]).toContain(message);
    expect(faults.at(-1)).toBeUndefined();
  });

  it('are written anew though nothing changes meanwhile', async () => {
    const state = await keep(new Map([['a', { id: 'a' }]]), { interval: 1 });
    rmSync(folder, { recursive: true });
    const { checkpoints } = state.figures;
    await vi.waitUntil(() => state.figures.checkpoints > checkpoints + 1, { timeout: 20_000 });
    await recovered(state);
  });

  it('are put in place of an older copy of them', async () => {
    const state = await keep(new Map([['a', { id: 'a' }]]));
    const copy = `${folder}-copy`;
    cpSync(folder, copy, { recursive: true });
    try {
      await state.close();
      const next = await keep(new Map([['a', { id: 'a' }]]), { number: 2, must: false });
      rmSync(folder, { recursive: true });
      cpSync(copy, folder, { recursive: true });
      next.append({ id: 'b' });
      await expect(next.durable()).rejects.toThrow('it was removed');
      await recovered(next);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });

  it.each<[string, string]>([
    ['goes on from them', Buffer.from(KEY).toString('base64')],
    ['has put its own in their place', Buffer.alloc(32, 9).toString('base64')],
  ])('are left alone as long as another registry %s', async (_, secretKey) => {
    const faults: (string | undefined)[] = [];
    const onFault = (fault: Error | undefined) => faults.push(fault?.message);
    const state = await keep(new Map([['a', { id: 'a' }]]), { onFault });
    const theirs = whole(head({ writer: 'another', journal: 2, secretKey }));
    rmSync(`${file}.journal.1`);
    write(theirs);
    writeFileSync(
      `${file}.journal.2`,
      checked(journalHead({ writer: 'another', journal: 2, secretKey })),
    );
    state.append({ id: 'b' });
    await expect(state.durable()).rejects.toThrow();
    const taken = () => faults.some((fault) => fault?.includes('another registry writes'));
    await vi.waitUntil(taken, { timeout: 20_000 });
    expect(readFileSync(file, 'utf8')).toBe(theirs);
    // It went again, and took its files along.
    rmSync(`${file}.journal.2`);
    rmSync(file);
    await recovered(state);
  });

  it('do not stop it where a creation of its own was left half done', async () => {
    const state = await keep(new Map([['a', { id: 'a' }]]), { interval: 1 });
    for (let number = 2; number < 40; number++) {
      try {
        writeFileSync(`${file}.journal.${number}`, '', { flag: 'wx' });
      } catch {
        // it was faster
      }
    }
    await vi.waitUntil(() => state.figures.checkpoints > 40, { timeout: 20_000 });
    expect(state.fault).toBeUndefined();
  });
});
