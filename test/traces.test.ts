/** Traces: what is written is read, whatever was cut off; and what is wrong is said with its line. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readTrace, type Trace, TraceError, TraceWriter, writeTrace } from '../src/lab/lab.js';

const folder = mkdtempSync(join(tmpdir(), 'phi-traces-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const fresh = (suffix = '.csv') => join(folder, `${files++}${suffix}`);

const HEADER = 'session,seq,send_ms,recv_ms\n';
const rowsOf = (trace: Trace) =>
  trace.sessions.flatMap(({ session, heartbeats, seq, sendMs, recvMs }) =>
    Array.from({ length: heartbeats }, (_, i) => [session, seq[i], sendMs[i], recvMs[i]]),
  );
const failure = (source: Parameters<typeof readTrace>[0]): Promise<TraceError> =>
  readTrace(source).then(
    () => expect.fail('it was read'),
    (error) => error,
  );

const time = fc.oneof(
  fc.constant(Number.NaN),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0), // no −0: text has none
  fc.integer({ min: 0, max: 1e6 }).map((x) => x / 1000),
);
const heartbeat = fc.record({
  session: fc.oneof(
    fc.constantFrom('', '0', 'a,b', 'say "x"', 'two\nlines', '\uFEFFa', 'ü\r', '🦊'),
    fc.string({ unit: 'grapheme' }),
  ),
  seq: fc.maxSafeNat(),
  sendMs: time,
  recvMs: time,
});

describe('readTrace', () => {
  it('reads sessions, in the order in which they begin, with blanks as NaN', async () => {
    const text = `${HEADER}b,0,0,1.5\na,7,,2\nb,1,10,\n`;
    const trace = await readTrace([text]);
    expect(rowsOf(trace)).toEqual([
      ['b', 0, 0, 1.5],
      ['b', 1, 10, Number.NaN],
      ['a', 7, Number.NaN, 2],
    ]);
    expect(trace).toMatchObject({ heartbeats: 3, truncated: false });
  });

  it('takes a file without sessions for one, and BOM, CRLF and blank lines for nothing', async () => {
    const trace = await readTrace(['\uFEFFseq,send_ms,recv_ms\r\n0,0,1\r\n\r\n1,-1e1,2\r\n\r\n']);
    expect(rowsOf(trace)).toEqual([
      ['0', 0, 0, 1],
      ['0', 1, -10, 2],
    ]);
  });

  it('knows gzip by its first bytes, not by its name, and reads streams and iterables', async () => {
    const text = `${HEADER}ü,0,0,1\n🦊,1,10,11\n`;
    const bytes = gzipSync(text);
    const expected = await readTrace([text]);
    const [zipped, named] = [fresh('.csv'), fresh('.csv.gz')];
    writeFileSync(zipped, bytes);
    writeFileSync(named, text);
    const members = Buffer.concat([gzipSync(HEADER), gzipSync(text.slice(HEADER.length))]);
    const singly = (data: Buffer) => Array.from(data, (byte) => Uint8Array.of(byte));
    for (const source of [
      zipped,
      pathToFileURL(zipped),
      named,
      Readable.from([bytes]),
      [members],
      singly(bytes),
      singly(Buffer.from(text)),
      text.split(''), // halves of a character among them
    ]) {
      expect(await readTrace(source)).toEqual(expected);
    }
  });

  it.each([
    ['half a last line', '0,2,20', ''],
    ['a last line whose time is cut, or blank', '0,2,20,2', ''],
    ['a last line without a time', '0,2,20,', ''],
    ['a time before what precedes it', '0,2,,10.5', ''],
    ['a quote that is still open', '"0', ''],
  ])('leaves %s out and says so', async (_, rest) => {
    const trace = await readTrace([`${HEADER}0,0,0,1\n0,1,10,11\n${rest}`]);
    expect(trace).toMatchObject({ heartbeats: 2, truncated: true });
  });

  it.each(['0,2,20,21', '0,2,,11', '1,0,0,1', '0,2,20,21\r'])(
    'takes %j for a line, with or without a line break',
    async (rest) => {
      const text = `${HEADER}0,0,0,1\n0,1,10,11\n${rest}`;
      const trace = await readTrace([text]);
      expect(trace).toMatchObject({ heartbeats: 3, truncated: false });
      expect(trace).toEqual(await readTrace([`${text}\n`]));
    },
  );

  it('reads all that a cut gzip file still holds', async () => {
    const lines = Array.from({ length: 50_000 }, (_, i) => `0,${i},${i * 10},${i * 10 + 1.25}`);
    const bytes = gzipSync(`${HEADER}${lines.join('\n')}\n`);
    const half = bytes.subarray(0, bytes.length >> 1);
    const trace = await readTrace([half]);
    expect(trace.truncated).toBe(true);
    const text = gunzipSync(half, { finishFlush: 2 }).toString(); // Z_SYNC_FLUSH: no end is asked for
    expect(trace.heartbeats).toBe(text.split('\n').length - 2);
    expect(trace.heartbeats).toBeGreaterThan(20_000);
    const [{ seq, recvMs }] = trace.sessions;
    expect(seq.every((n, i) => n === i && recvMs[i] === i * 10 + 1.25)).toBe(true);
  });

  it.each([
    ['nothing at all', '', 1, /empty/],
    ['a header alone', HEADER, 2, /empty/],
    ['another header', 'seq,send\n0,0\n', 1, /header session,seq,send_ms,recv_ms .*"seq,send"/],
    ['columns in another order', 'session,send_ms,seq,recv_ms\n', 1, /header/],
    ['too few columns', `${HEADER}0,0,0,1\n0,1,10\n`, 3, /expected 4 columns .*got 3/],
    ['too many columns', `${HEADER}0,0,0,1,2\n`, 2, /expected 4 columns .*got 5/],
    ['no integer', `${HEADER}0,1.5,0,1\n`, 2, /seq: expected an integer from 0, got "1\.5"/],
    ['a negative seq', `${HEADER}0,-1,0,1\n`, 2, /seq/],
    ['a seq beyond exact numbers', `${HEADER}0,9007199254740992,0,1\n`, 2, /seq/],
    ['no seq', `${HEADER}0,,0,1\n`, 2, /seq/],
    ['words for numbers', `${HEADER}\n0,0,0,1\n0,1,10,soon\n`, 4, /recv_ms: .*got "soon"/],
    ['a blank that is none', `${HEADER}0,0, ,1\n`, 2, /send_ms: .*got " "/],
    ['hexadecimal numbers', `${HEADER}0,0,0x10,1\n`, 2, /send_ms/],
    ['numbers without bound', `${HEADER}0,0,1e999,1\n`, 2, /send_ms/],
    ['Infinity', `${HEADER}0,0,0,Infinity\n`, 2, /recv_ms/],
    ['a stray quote', `${HEADER}0,0,0,1\n0,1,"10,11\n0,2,20,21\n`, 3, /quote/],
    ['a quote within', `${HEADER}0,0,0,1\n0,1,1"0,11\n`, 3, /quote/],
    ['a line without an end', `${HEADER}0,0,0,1\n0,1,${'1'.repeat(200_000)}`, 3, /too long/],
  ])('refuses %s', async (_, text, line, message) => {
    const error = await failure([...(text.match(/[\s\S]{1,1000}/g) ?? [])]);
    expect(error).toBeInstanceOf(TraceError);
    expect(error.name).toBe('TraceError');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`line ${line}: `);
    expect(error.line).toBe(line);
  });

  it('refuses gzip data that is broken, and says what file is missing', async () => {
    const bytes = gzipSync(HEADER + '0,0,0,1\n'.repeat(1000));
    bytes[bytes.length >> 1] ^= 0xff;
    expect(await failure([bytes])).toMatchObject({
      name: 'TraceError',
      message: expect.stringContaining('broken gzip data'),
    });
    await expect(readTrace(join(folder, 'none.csv'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each([[undefined], [null], [7], [Buffer.from(HEADER)], [{}], [[7]]])('refuses %s', (source) =>
    expect(readTrace(source as never)).rejects.toThrow(TypeError),
  );
});

describe('writeTrace and TraceWriter', () => {
  it.each(['.csv', '.csv.gz'])('write what is read again, %s', async (suffix) => {
    const path = fresh(suffix);
    await fc.assert(
      fc.asyncProperty(fc.array(heartbeat, { minLength: 1, maxLength: 40 }), async (beats) => {
        const writer = new TraceWriter(path, { overwrite: true });
        for (const beat of beats) writer.write(beat);
        await writer.close();
        const trace = await readTrace(path);
        const bySession = [...new Set(beats.map(({ session }) => session))].flatMap((session) =>
          beats.filter((beat) => beat.session === session),
        );
        expect(trace.truncated).toBe(false);
        expect(rowsOf(trace)).toEqual(bySession.map((beat) => Object.values(beat)));
        await writeTrace(path, trace);
        expect(await readTrace(path)).toEqual(trace);
      }),
      { numRuns: 60 },
    );
  });

  it('write the columns that are documented', async () => {
    const path = fresh();
    const writer = new TraceWriter(path);
    writer.write({ seq: 0, recvMs: 1.5 });
    writer.write({ session: 'a,b', seq: 1, sendMs: 10 });
    await writer.close();
    await writer.close();
    expect(readFileSync(path, 'utf8')).toBe(`${HEADER}0,0,,1.5\n"a,b",1,10,\n`);
    expect(() => writer.write({ seq: 2 })).toThrow('closed');
  });

  it('put a first heartbeat into the file at once, and the rest with flush', async () => {
    for (const path of [fresh('.csv'), fresh('.csv.gz')]) {
      const writer = new TraceWriter(path);
      for (let seq = 0; seq < 5000; seq++) writer.write({ seq, recvMs: seq });
      await writer.flush();
      const trace = await readTrace(path);
      expect(trace).toMatchObject({ heartbeats: 5000, truncated: path.endsWith('.gz') });
      await writer.close();
      expect(await readTrace(path)).toEqual({ ...trace, truncated: false });
    }
  });

  it('replace no file, unless they are told to', async () => {
    const path = fresh();
    writeFileSync(path, 'mine');
    expect(() => new TraceWriter(path)).toThrow('EEXIST');
    expect(readFileSync(path, 'utf8')).toBe('mine');
    await new TraceWriter(path, { overwrite: true }).close();
    expect(readFileSync(path, 'utf8')).toBe(HEADER);
  });

  it.each([
    [{ seq: -1 }, 'seq'],
    [{ seq: 0.5 }, 'seq'],
    [{ seq: '0' }, 'seq'],
    [{ seq: 0, session: 7 }, 'session'],
    [{ seq: 0, recvMs: Infinity }, 'recvMs'],
    [{ seq: 0, sendMs: '1' }, 'sendMs'],
  ])('refuse %o', async (beat, name) => {
    const writer = new TraceWriter(fresh());
    expect(() => writer.write(beat as never)).toThrow(name);
    await writer.close();
  });

  // Writing to it fails as on a full disk.
  it.runIf(existsSync('/dev/full'))('tell that the disk is full', async () => {
    const writer = new TraceWriter('/dev/full', { overwrite: true });
    expect(() => writer.write({ seq: 0 })).toThrow('ENOSPC');
    await expect(writer.flush()).rejects.toThrow('ENOSPC');
    await expect(writer.close()).rejects.toThrow('ENOSPC');
  });

  it.each(['.csv', '.csv.gz'])('lose nothing old when their process is killed, %s', async (end) => {
    const path = fresh(end);
    const source = `
      import { TraceWriter } from ${JSON.stringify(new URL('../dist/lab.js', import.meta.url))};
      const writer = new TraceWriter(${JSON.stringify(path)});
      let seq = 0;
      setInterval(() => {
        for (let i = 0; i < 20; i++) writer.write({ seq: seq++, recvMs: performance.now() });
        const old = seq;
        setTimeout(() => process.stdout.write(old + '\\n'), 600);
      }, 5);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', source]);
    let told = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      told += text;
      if (told.length > 200) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const trace = await readTrace(path);
    const old = Number(told.trimEnd().split('\n').at(-1));
    expect(old).toBeGreaterThan(0);
    expect(trace.heartbeats).toBeGreaterThanOrEqual(old);
    expect(trace.sessions[0].seq.every((n, i) => n === i)).toBe(true);
  });

  it('are read when the file is cut anywhere', async () => {
    const whole = fresh();
    const writer = new TraceWriter(whole);
    for (let seq = 0; seq < 20; seq++) writer.write({ seq, sendMs: seq * 10, recvMs: seq * 10.5 });
    await writer.close();
    const { length } = readFileSync(whole);
    const all = rowsOf(await readTrace(whole));
    const path = fresh();
    renameSync(whole, path);
    for (let size = length - 1; size > HEADER.length + 8; size--) {
      truncateSync(path, size);
      const text = readFileSync(path, 'utf8');
      const trace = await readTrace(path);
      const lines = text.split('\n').length - 2;
      const whole = all.slice(0, lines);
      if (trace.truncated || text.endsWith('\n')) expect(rowsOf(trace)).toEqual(whole);
      else {
        // A fraction of a ms is the most that can be missing.
        expect(rowsOf(trace).slice(0, lines)).toEqual(whole);
        expect(rowsOf(trace)).toHaveLength(lines + 1);
        const time = (rows: ReturnType<typeof rowsOf>) => Number(rows[lines][3]);
        expect(Math.abs(time(rowsOf(trace)) - time(all))).toBeLessThan(1);
      }
    }
  });
});
