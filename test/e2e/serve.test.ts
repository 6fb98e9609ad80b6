/** The registry as a process of its own. Needs the build. */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeBeat, keyOf } from '../../src/sources/udp-signed.js';
import { cli, Running } from '../support/processes.js';
import { TOKENS, web } from '../support/service.js';
import { snippets } from '../support/snippets.js';

let folder: string;
const running: Running[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'phi-serve-'));
});
afterEach(async () => {
  for (const each of running.splice(0)) {
    each.kill('SIGKILL');
    await each.exited;
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the command; its first line is the address. */
async function serve(...args: string[]) {
  const process = new Running([cli, 'serve', '--port', '0', '--udp-port', '0', ...args]);
  running.push(process);
  const [, url] = await process.says(/^(http\S+)\n/m);
  const [, port] = await process.says(/udp port (\d+)/);
  return { process, url, udpPort: Number(port) };
}

async function ask(url: string, path: string, body?: unknown, init: RequestInit = {}) {
  const response = await fetch(url + path, {
    ...(body !== undefined && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
    ...init,
  });
  const text = await response.text();
  return {
    status: response.status,
    text,
    json: text.startsWith('{') ? JSON.parse(text) : undefined,
  };
}

interface Lease {
  readonly id: string;
  readonly generation: number;
  readonly secret: string;
  readonly epoch: string;
}

const ids = (instances: readonly { id: string }[]) => instances.map(({ id }) => id).sort();

/** Files of a certificate for localhost; undefined where nothing can make one. */
function selfSigned(): { key: string; cert: string } | undefined {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-nodes', '-newkey', 'rsa:2048'];
  try {
    execFileSync('openssl', ['req', '-x509', ...subject, '-keyout', key, '-out', cert], {
      stdio: 'ignore',
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return { key, cert };
}

describe('phi-accrual serve', () => {
  it('routes to who beats, by HTTP and by UDP, and around who is dead', async () => {
    const { url, udpPort } = await serve();
    const socket = createSocket('udp4');
    const leases: Lease[] = [];
    for (const id of ['a', 'b', 'c']) {
      leases.push((await ask(url, '/register', web(id, { heartbeatInterval: 100 }))).json);
    }
    const alive = new Set(['a', 'b', 'c']);
    let sequence = 0;
    const beats = setInterval(() => {
      sequence++;
      for (const { id, generation, secret, epoch } of leases) {
        if (!alive.has(id)) continue;
        if (id === 'a') {
          const body = { generation, secret, sequence };
          ask(url, '/heartbeat/a', body).catch(() => undefined); // the last one may be cut off
        } else {
          const common = { generation, sequence, epoch, signal: 'service', ready: true } as const;
          socket.send(
            encodeBeat({ id, ...common, ackWanted: false }, keyOf(secret)),
            udpPort,
            '127.0.0.1',
          );
        }
      }
    }, 100);
    const routed = async () => ids((await ask(url, '/services/web/route')).json.targets).join();
    await vi.waitFor(async () => expect(await routed()).toBe('a,b,c'), { timeout: 10_000 });
    alive.delete('b');
    await vi.waitFor(async () => expect(await routed()).toBe('a,c'), { timeout: 20_000 });
    const { json } = await ask(url, '/services/web/route');
    expect(json.excluded).toEqual([{ id: 'b', reason: 'dead' }]);
    clearInterval(beats);
    socket.close();
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends at %s, the state saved, readers or not',
    async (signal) => {
      const state = join(folder, 'state');
      const { process, url } = await serve('--state', state);
      await ask(url, '/register', web('a'));
      const events = await fetch(`${url}/events`);
      const begun = performance.now();
      process.kill(signal);
      expect(await process.exited).toEqual({ code: 0, signal: null });
      // Two seconds are promised; a machine that is busy with other tests gets some more.
      expect(performance.now() - begun).toBeLessThan(10_000);
      await events.body?.cancel().catch(() => {});
      expect(readFileSync(state, 'utf8')).toContain('"id":"a"');
    },
  );

  it('refuses other addresses without tokens, and tokens that everybody may read', async () => {
    const refused = async (...args: string[]) => {
      const process = new Running([cli, 'serve', '--port', '0', ...args]);
      running.push(process);
      const { code } = await process.exited;
      return `${code} ${process.output}`;
    };
    expect(await refused('--host', '0.0.0.0')).toMatch(
      /^2 phi-accrual: --host: expected a loopback address, or tokens as well/,
    );
    const tokens = join(folder, 'tokens.json');
    writeFileSync(tokens, JSON.stringify(TOKENS), { mode: 0o644 });
    chmodSync(tokens, 0o644);
    expect(await refused('--tokens', tokens)).toMatch(/^2 .*everybody on this machine may read it/);
    chmodSync(tokens, 0o600);
    const { url } = await serve('--tokens', tokens, '--host', '0.0.0.0');
    const at = url.replace('0.0.0.0', '127.0.0.1');
    expect((await ask(at, '/instances')).status).toBe(401);
    const headers = { authorization: `Bearer ${TOKENS.reader}` };
    expect((await ask(at, '/instances', undefined, { headers })).status).toBe(200);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends by itself at %s as soon as its address is there, the state saved',
    async (signal) => {
      const state = join(folder, 'state');
      const process = new Running([cli, 'serve', '--port', '0', '--no-udp', '--state', state]);
      running.push(process);
      process.child.stdout?.once('data', () => process.kill(signal));
      expect(await process.exited).toEqual({ code: 0, signal: null });
      expect(readFileSync(state, 'utf8')).toContain('"format"');
    },
  );

  it('speaks TLS', async (context) => {
    const certificate = selfSigned();
    if (certificate === undefined) return context.skip('no openssl here');
    const { key, cert } = certificate;
    const { url } = await serve('--tls-cert', cert, '--tls-key', key);
    expect(url).toMatch(/^https:/);
    const { request } = await import('node:https');
    const status = await new Promise((resolve, reject) => {
      request(`${url}/livez`, { ca: readFileSync(cert), servername: 'localhost' }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .once('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });

  it('waits for no client that never agrees upon TLS', async (context) => {
    const certificate = selfSigned();
    if (certificate === undefined) return context.skip('no openssl here');
    const { key, cert } = certificate;
    const { url, process } = await serve('--tls-cert', cert, '--tls-key', key);
    const silent = async () => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
      await once(socket, 'connect');
      return { closed: new Promise((resolve) => socket.once('close', resolve)) };
    };
    await (await silent()).closed; // while the service runs
    const { closed } = await silent();
    process.kill('SIGTERM');
    expect(await process.exited).toEqual({ code: 0, signal: null });
    await closed;
  });
});

describe('docs/service.md', () => {
  it('has lines of curl that work', async (context) => {
    const { url } = await serve();
    const lines = snippets('sh')
      .filter(({ name }) => name.startsWith('docs/service.md '))
      .flatMap(({ code }) => code.split('\n').filter((line) => line.startsWith('curl ')));
    expect(lines.length).toBeGreaterThan(5);
    try {
      execFileSync('curl', ['--version'], { stdio: 'ignore' });
    } catch {
      return context.skip('no curl here');
    }
    for (const line of lines) {
      const here = line.replace('curl -s', 'curl -sf').replace('localhost:7946', url);
      expect(execFileSync('sh', ['-c', here], { encoding: 'utf8' })).toMatch(/[{}]/);
    }
  });
});

describe('a client', () => {
  it.each([
    ['announced', { 'content-length': '5000000' }],
    ['chunked', { 'transfer-encoding': 'chunked' }],
  ])('with an oversized body, %s, gets its 413, always', async (_, headers) => {
    const { url } = await serve();
    const ask413 = () =>
      new Promise((resolve, reject) => {
        const asked = httpRequest(`${url}/register`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
        });
        asked.on('response', (answer) => {
          answer.resume();
          // Its rest is taken in as well: the connection is not cut off under it.
          asked.on('close', () => resolve(answer.statusCode));
        });
        asked.on('error', reject);
        asked.end(Buffer.alloc(5_000_000, 'x'));
      });
    for (let i = 0; i < 10; i++) expect(await ask413()).toBe(413);
    const body = 'x'.repeat(5_000_000);
    const headers413 = { 'content-type': 'application/json' };
    for (let i = 0; i < 10; i++) {
      const { status } = await ask(url, '/register', undefined, {
        method: 'POST',
        headers: headers413,
        body,
      });
      expect(status).toBe(413);
    }
    expect((await ask(url, '/livez')).status).toBe(200);
  });

  it.each([
    ['/session', 'content-length: 500\r\n\r\n{"id"'],
    ['/register', 'transfer-encoding: chunked\r\n\r\n5\r\n{"id"\r\n'],
  ])('that goes amid its body, to %s, is counted and no failure of ours', async (path, rest) => {
    const { url, process } = await serve();
    const type = 'content-type: application/json\r\n';
    const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\n${type}`;
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(head + rest));
    await once(socket, 'connect');
    await ask(url, '/livez'); // what was written before has arrived
    socket.destroy();
    const aborted = async () => /code="aborted"} 1$/m.test((await ask(url, '/metrics')).text);
    await vi.waitUntil(aborted, { timeout: 20_000, interval: 50 });
    expect(process.output).not.toContain('rror');
    expect((await ask(url, '/metrics')).text).not.toContain('code="internal"');
  });

  it('that is slow with its headers or its body is cut off', async () => {
    const { url } = await serve();
    const { port } = new URL(url);
    const answer = (text: string) =>
      new Promise<string>((resolve) => {
        const socket = connect(Number(port), '127.0.0.1', () => socket.write(text));
        let said = '';
        socket.setEncoding('utf8').on('data', (more: string) => {
          said += more;
        });
        socket.once('close', () => resolve(said));
        socket.on('error', () => {});
      });
    const post = 'POST /register HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
    const [headers, body] = await Promise.all([
      answer('GET /instances HTTP/1.1\r\nhost: loc'),
      answer(`${post}content-length: 50\r\n\r\n{"id":`),
    ]);
    expect(headers).toMatch(/^HTTP\/1.1 408 /);
    expect(body).toMatch(/^HTTP\/1.1 408 /);
    expect((await ask(url, '/metrics')).text).toContain('http_rejections_total{code="timeout"} 2');
  });

  it('with headers that are too large is refused', async () => {
    const { url } = await serve();
    const headers = { 'x-large': 'x'.repeat(20_000) };
    expect((await ask(url, '/instances', undefined, { headers })).status).toBe(431);
  });
});

describe('the state', () => {
  it('survives SIGKILL at any instant: members, generations, windows, and nobody is dead', async () => {
    const state = join(folder, 'state');
    const known = new Map<string, number>();
    const learnt = new Map<string, number>();
    for (let round = 0; round < 6; round++) {
      const { process, url } = await serve('--state', state);
      const { json } = await ask(url, '/instances');
      const there = ids(json.instances);
      expect(there).toEqual(expect.arrayContaining([...known.keys()]));
      for (const { id, generation, status } of json.instances) {
        // What was under way at the kill may have been written, though nobody was told.
        expect(generation - (known.get(id) ?? 0)).toBeOneOf([0, 1]);
        expect(['dead', 'zombie']).not.toContain(status);
        known.set(id, generation);
        const { length } = (await ask(url, `/instances/${id}`)).json.intervals?.samples ?? [];
        expect(length ?? 0).toBeGreaterThanOrEqual(learnt.get(id) ?? 0);
        learnt.set(id, length ?? 0);
      }
      if (round > 2) expect(Math.max(...learnt.values())).toBeGreaterThan(5);

      let dead = false;
      // The second life lasts for a checkpoint, the others end before one.
      const killed = new Promise((resolve) =>
        setTimeout(resolve, round === 1 ? 7000 : 200 + Math.random() * 1500),
      ).then(() => {
        dead = true;
        process.kill('SIGKILL');
      });
      for (let n = 0; !dead; n++) {
        const id = `i${n % 10}`;
        if (!known.has(id) || n % 211 === 210) {
          const answer = await ask(url, '/register', web(id)).catch(() => undefined);
          if (answer?.status === 201) known.set(id, answer.json.generation);
        }
        const beat = { generation: known.get(id) };
        await ask(url, `/heartbeat/${id}`, beat).catch(() => undefined); // it was killed
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await killed;
      await process.exited;
    }
  });

  it('keeps who was dead dead, and who was alive alive, and windows as they were', async () => {
    const state = join(folder, 'state');
    const first = await serve('--state', state);
    for (const id of ['a', 'b', 'c', 'd']) {
      await ask(first.url, '/register', web(id, { heartbeatInterval: 50 }));
    }
    const beat = (url: string, id: string) => ask(url, `/heartbeat/${id}`, { generation: 1 });
    const statusOf = async (url: string) =>
      Object.fromEntries(
        (await ask(url, '/instances')).json.instances.map(
          ({ id, status }: { id: string; status: string }) => [id, status],
        ),
      );
    for (let n = 0; n < 12; n++) {
      for (const id of ['a', 'b', 'c', 'd']) await beat(first.url, id);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    // d dies; the others beat on.
    await vi.waitFor(
      async () => {
        for (const id of ['a', 'b', 'c']) await beat(first.url, id);
        expect((await statusOf(first.url)).d).toBe('dead');
      },
      { timeout: 20_000, interval: 50 },
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const id of ['a', 'b', 'c']) await beat(first.url, id);
    const before = (await ask(first.url, '/instances/a')).json.intervals.samples.length;
    first.process.kill('SIGTERM');
    await first.process.exited;
    await new Promise((resolve) => setTimeout(resolve, 2000)); // the registry was away
    const second = await serve('--state', state);
    expect(await statusOf(second.url)).toMatchObject({ d: 'dead' });
    const after = (await ask(second.url, '/instances/a')).json;
    expect(after.intervals.samples.length).toBe(before);
    expect(after.instance.generation).toBe(1);
    expect(after.instance.status).not.toBe('dead');
  });

  it('starts again after every SIGKILL while instances leave and come back, and loses no acknowledgement', async () => {
    const state = join(folder, 'state');
    const count = 100;
    const name = (n: number) => `i${n % count}`;
    // What was acknowledged of each, and what was asked for since.
    const acknowledged = new Map<string, { readonly generation: number; readonly gone: boolean }>();
    const pending = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const { process, url } = await serve('--state', state);
      expect(process.output).not.toContain('its checksum');
      const { json } = await ask(url, '/instances');
      const there = new Map<string, number>(
        json.instances.map(({ id, generation }: Lease) => [id, generation]),
      );
      for (const [id, { generation, gone }] of acknowledged) {
        if (pending.has(id)) continue;
        expect(`${id} ${there.get(id)}`).toBe(`${id} ${gone ? undefined : generation}`);
      }
      pending.clear();
      let dead = false;
      const act = async (n: number): Promise<void> => {
        const id = name(n);
        if (pending.has(id)) return;
        const before = acknowledged.get(id);
        pending.add(id);
        const leaves = before !== undefined && !before.gone && n >= count;
        const answer = await (leaves
          ? ask(url, `/instances/${id}`, { generation: before.generation }, { method: 'DELETE' })
          : ask(url, '/register', web(id))
        ).catch(() => undefined);
        if (answer === undefined || answer.status > 201) return; // it was killed
        const generation = leaves ? before.generation : answer.json.generation;
        if (!leaves) expect(generation).toBeGreaterThan(before?.generation ?? 0);
        acknowledged.set(id, { generation, gone: leaves });
        pending.delete(id);
      };
      for (let n = 0; n < count; n += 20) {
        await Promise.all(Array.from({ length: 20 }, (_, i) => act(n + i)));
      }
      const { output } = process;
      expect(output).not.toContain('rror');
      // The first checkpoint after that is under way in five seconds; the kill comes about then.
      setTimeout(
        () => {
          dead = true;
          process.kill('SIGKILL');
        },
        4500 + 1000 * Math.random(),
      );
      for (let n = count; !dead; n += 4) {
        await Promise.all(Array.from({ length: 4 }, (_, i) => act(n + i)));
      }
      await process.exited;
    }
    // An end in order while all of them leave and come back.
    const { process, url } = await serve('--state', state);
    await Promise.all(Array.from({ length: 20 }, (_, n) => ask(url, '/register', web(name(n)))));
    process.kill('SIGTERM');
    expect(await process.exited).toEqual({ code: 0, signal: null });
    const last = await serve('--state', state);
    expect(last.process.output).not.toContain('its checksum');
    expect(last.process.output).not.toContain('did not end in order');
  }, 180_000);

  it('that is none is a clear error, and stays as it is', async () => {
    const state = join(folder, 'state');
    writeFileSync(state, 'hello');
    const process = new Running([cli, 'serve', '--port', '0', '--no-udp', '--state', state]);
    running.push(process);
    expect(await process.exited).toMatchObject({ code: 2 });
    expect(process.output).toMatch(/^phi-accrual: \S*state, line 1: .*\n$/);
    expect(readFileSync(state, 'utf8')).toBe('hello');
  });

  it('that is damaged is told with file and line and kept, and the rest is used, or it is refused', async () => {
    const state = join(folder, 'state');
    const first = await serve('--state', state);
    for (const id of ['a', 'b']) await ask(first.url, '/register', web(id));
    first.process.kill('SIGTERM');
    await first.process.exited;
    const damaged = readFileSync(state, 'utf8').replace('"id":"a"', '"id":"x"');
    writeFileSync(state, damaged);
    const arguments_ = ['serve', '--port', '0', '--no-udp', '--state', state];
    const refusing = new Running([cli, ...arguments_, '--refuse-damaged-state']);
    running.push(refusing);
    expect(await refusing.exited).toMatchObject({ code: 2 });
    expect(refusing.output).toMatch(/^phi-accrual: \S*state, line 2: its checksum is another.*\n$/);
    expect(readFileSync(state, 'utf8')).toBe(damaged);

    const { process, url } = await serve('--state', state);
    expect(ids((await ask(url, '/instances')).json.instances)).toEqual(['b']);
    expect(process.output).toMatch(/state, line 2: its checksum is another\n/);
    const [, copy] = await process.says(/what is damaged is kept in (\S+)\n/);
    expect(readFileSync(copy, 'utf8')).toBe(damaged);
    expect((await ask(url, '/metrics')).text).toMatch(/^phi_accrual_registry_state_damage 1$/m);
    // Nobody gets a generation that he may have had.
    expect((await ask(url, '/register', web('a'))).json.generation).toBeGreaterThan(1);
  });

  it('on a full disk promises nothing, keeps what it had, and recovers by itself', async (context) => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      return context.skip('no small disk can be mounted here');
    }
    const state = join(disk, 'state');
    const fill = join(disk, 'fill');
    let service: Awaited<ReturnType<typeof serve>> | undefined;
    try {
      service = await serve('--state', state, '--warm-up', '0');
      const { url, process } = service;
      expect((await ask(url, '/register', web('a'))).status).toBe(201);
      try {
        writeFileSync(fill, Buffer.alloc(1 << 20));
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
      }
      const meta = Object.fromEntries(
        Array.from({ length: 30 }, (_, i) => [`k${i}`, 'x'.repeat(250)]),
      );
      const refused = await vi.waitFor(
        async () => {
          const answer = await ask(url, '/register', web('b', { meta }));
          expect(answer.status).toBe(503);
          return answer;
        },
        { timeout: 10_000 },
      );
      expect(refused.json.error.code).toBe('state-unwritable');
      expect((await ask(url, '/heartbeat/a', { generation: 1 })).status).toBe(200);
      expect((await ask(url, '/metrics')).text).toContain('phi_accrual_registry_state_fault 1');
      expect((await ask(url, '/readyz?verbose')).text).toContain('ENOSPC');
      expect((await ask(url, '/readyz')).status).toBe(200);
      await process.says(/ENOSPC/);
      rmSync(fill);
      await vi.waitFor(
        async () => expect((await ask(url, '/register', web('c'))).status).toBe(201),
        { timeout: 10_000 },
      );
      await process.says(/can be written again/);
      process.kill('SIGKILL');
      await process.exited;
      service = await serve('--state', state);
      const { json } = await ask(service.url, '/instances');
      expect(ids(json.instances)).toEqual(expect.arrayContaining(['a', 'c']));
    } finally {
      service?.process.kill('SIGKILL');
      await service?.process.exited;
      execFileSync('umount', [disk]);
    }
  });
});

/** In kB. */
const residentOf = ({ pid }: ChildProcess): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

describe('10,000 hostile requests and datagrams', () => {
  it('crash nothing, leak nothing, and are counted', async () => {
    const { process, url, udpPort } = await serve();
    await ask(url, '/register', web('a'));
    const junk = (n: number) => Buffer.from(Array.from({ length: n }, () => Math.random() * 256));
    const requests: (() => Promise<number>)[] = [
      () => ask(url, '/register', '{').then(({ status }) => status),
      () => ask(url, '/register', { id: 'x'.repeat(5000) }).then(({ status }) => status),
      () => ask(url, '/register', { __proto__: null, constructor: 1 }).then(({ status }) => status),
      () => ask(url, `/heartbeat/${'%00'.repeat(20)}`, { generation: 1 }).then((a) => a.status),
      () => ask(url, '/heartbeat/a', { generation: -1 }).then(({ status }) => status),
      () => ask(url, '/heartbeat/nobody', { generation: 1e15 }).then(({ status }) => status),
      () => ask(url, '/instances/../../etc/passwd').then(({ status }) => status),
      () => ask(url, '/%2e%2e/%2e%2e/etc/passwd').then(({ status }) => status),
      () => ask(url, `/${encodeURIComponent(junk(50).toString('latin1'))}`).then((a) => a.status),
      () => ask(url, '/register', 'x'.repeat(70_000)).then(({ status }) => status),
    ];
    const socket = createSocket('udp4').bind(0);
    await once(socket, 'listening');
    const statuses = new Map<number, number>();
    const storm = async (count: number) => {
      for (let n = 0; n < count; n += 20) {
        const all = Array.from({ length: 20 }, (_, i) => requests[(n + i) % requests.length]());
        for (const status of await Promise.all(all)) {
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
        for (let i = 0; i < 20; i++) {
          const head =
            i % 2 === 0 ? Buffer.from([0xcf, 0x86, 1 + (i % 3), i % 4]) : Buffer.alloc(0);
          socket.send(Buffer.concat([head, junk(i * 5)]), udpPort, '127.0.0.1');
        }
      }
    };
    await storm(4000); // warm
    const before = residentOf(process.child);
    await storm(6000);
    const grown = residentOf(process.child) - before;
    socket.close();
    expect([...statuses.keys()].sort()).toEqual([400, 404, 413]);
    expect(grown).toBeLessThan(40_000);
    const { text } = await ask(url, '/metrics');
    const sum = (name: string) =>
      [...text.matchAll(new RegExp(`^phi_accrual_registry_${name}\\{.*\\} (\\d+)$`, 'gm'))]
        .map(([, n]) => Number(n))
        .reduce((a, b) => a + b, 0);
    expect(sum('http_rejections_total')).toBe(10_000);
    const received = Number(/registry_datagrams_total (\d+)/.exec(text)?.[1]);
    expect(received).toBeGreaterThan(9000); // the kernel may drop some
    expect(sum('datagrams_dropped_total')).toBe(received);
    expect((await ask(url, '/livez')).status).toBe(200);
    expect(process.output).not.toMatch(/\bat .*\.js/);
  });
});

describe('a start that fails', () => {
  const failing = async (...args: string[]) => {
    const process = new Running([cli, 'serve', '--port', '0', '--udp-port', '0', ...args]);
    running.push(process);
    expect(await process.exited).toMatchObject({ code: 2 });
    return process.output;
  };

  it('names the file or the port that could not be had', async () => {
    const state = join(folder, 'none', 'state');
    expect(await failing('--state', state)).toContain(`--state ${state}: ENOENT`);
    const { udpPort } = await serve();
    expect(await failing('--udp-port', String(udpPort))).toBe(
      `phi-accrual: udp 127.0.0.1:${udpPort}: the port is in use\n`,
    );
  });

  it('is one with a file of tokens in which there is none', async () => {
    const file = join(folder, 'tokens');
    writeFileSync(file, '{ "node": [] }', { mode: 0o600 });
    expect(await failing('--tokens', file)).toBe(
      `phi-accrual: --tokens: ${file}: no token in it\n`,
    );
  });

  it('is one on a state that another registry uses, until that is killed', async () => {
    const state = join(folder, 'state');
    const { process } = await serve('--state', state);
    expect(await failing('--state', state)).toContain(`${state}: another registry`);
    process.kill('SIGKILL');
    await serve('--state', state);
  });
});
