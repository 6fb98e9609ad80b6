/** Checks over the network, against servers that answer, fail, lie and hang. */
import { afterEach, describe, expect, it } from 'vitest';
import { type Check, type CheckResult, isAboutOthers, reasonOf } from '../../src/health/check.js';
import { httpCheck, postgresCheck, redisCheck, tcpCheck } from '../../src/health/checks/network.js';
import { Producer } from '../../src/health/deep.js';
import {
  type Cleanups,
  certificate,
  cleanUp,
  closedPort,
  serve,
  serveTcp,
  serveTls,
} from '../support/servers.js';

const cleanups: Cleanups = [];
afterEach(() => cleanUp(cleanups));

const never = () => new AbortController().signal;

/** What a check answers; what it throws is its reason. */
async function ask(check: Check, signal = never()): Promise<CheckResult> {
  try {
    return (await check(signal)) as CheckResult;
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  }
}

describe('httpCheck', () => {
  it('passes by status, and follows no redirect', async () => {
    const asked: string[] = [];
    const { port } = await serve((request, response) => {
      asked.push(request.url as string);
      response.writeHead(Number(request.url?.slice(1)), { location: '/200' }).end();
    }, cleanups);
    const url = `http://127.0.0.1:${port}`;
    const okay = await ask(httpCheck(`${url}/204`));
    expect(okay).toMatchObject({ ok: true, figures: { status: 204 } });
    expect(okay.figures?.latency).toBeGreaterThan(0);
    expect(await ask(httpCheck(`${url}/302`))).toMatchObject({ ok: false, reason: 'status 302' });
    expect(await ask(httpCheck(`${url}/503`))).toMatchObject({ ok: false, reason: 'status 503' });
    const wide = httpCheck(`${url}/404`, { status: [200, 404], method: 'HEAD' });
    expect(await ask(wide)).toMatchObject({ ok: true });
    expect(asked).toEqual(['/204', '/302', '/503', '/404']);
  });

  it('looks for a text or an expression in the body, each time from its beginning', async () => {
    const { port } = await serve((_, response) => response.end('state: ready'), cleanups);
    const url = `http://localhost:${port}/`;
    const matching = httpCheck(url, { body: /READY/gi });
    for (let i = 0; i < 3; i++) expect((await ask(matching)).ok).toBe(true);
    expect((await ask(httpCheck(url, { body: 'ready' }))).ok).toBe(true);
    expect(await ask(httpCheck(url, { body: 'steady' }))).toMatchObject({
      ok: false,
      reason: 'the body does not match steady',
    });
    // Beyond the bytes that are read.
    expect((await ask(httpCheck(url, { body: 'ready', maxBody: 7 }))).ok).toBe(false);
  });

  it('does not wait for the end of a body without one', async () => {
    const { port, sockets } = await serve((_, response) => {
      const timer = setInterval(() => response.write('x'.repeat(1000)), 1);
      response.on('close', () => clearInterval(timer));
    }, cleanups);
    const url = `http://127.0.0.1:${port}/`;
    expect((await ask(httpCheck(url))).ok).toBe(true);
    expect((await ask(httpCheck(url, { body: 'y', maxBody: 3000 }))).ok).toBe(false);
    const closed = async () => {
      while (sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      return true;
    };
    expect(await closed()).toBe(true);
  });

  it('a server that hangs before, within and after its head is a time-out, and one that is gone is none', async () => {
    const { port } = await serve((request, response) => {
      if (request.url === '/head') return;
      response.writeHead(200, { 'content-length': 10 });
      response.write('half');
    }, cleanups);
    const deaf = await serveTcp((socket) => socket.write('HTTP/1.1 200 O'), cleanups);
    const producer = new Producer();
    cleanups.push(() => producer.close());
    const every = { interval: 100, timeout: 100, fall: 1 };
    const checks = [
      httpCheck(`http://127.0.0.1:${port}/head`),
      httpCheck(`http://127.0.0.1:${port}/body`, { body: 'whole' }),
      httpCheck(`http://127.0.0.1:${deaf.port}/`),
    ].map((check) => producer.deepCheck(check, every));
    for (const deep of checks) {
      while (deep.state === 'unknown') await new Promise((resolve) => setTimeout(resolve, 10));
      expect(deep()).toMatchObject({ ok: false, reason: 'timeout after 100ms' });
    }
    const gone = await ask(httpCheck(`http://127.0.0.1:${await closedPort()}/`));
    expect(gone.reason).toContain('ECONNREFUSED');
  });

  it('an answer that breaks off fails', async () => {
    const { port } = await serveTcp((socket) => {
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf');
    }, cleanups);
    const answer = await ask(httpCheck(`http://127.0.0.1:${port}/`, { body: 'whole' }));
    expect(answer.ok).toBe(false);
    expect(answer.reason).toMatch(/closed|aborted/);
    const silent = await serveTcp((socket) => socket.destroy(), cleanups);
    expect((await ask(httpCheck(`http://127.0.0.1:${silent.port}/`))).ok).toBe(false);
  });

  it('a slow answer is degraded, and passes', async () => {
    const { port } = await serve((_, response) => {
      setTimeout(() => response.end(), 30);
    }, cleanups);
    const answer = await ask(httpCheck(`http://127.0.0.1:${port}/`, { slow: 20 }));
    expect(answer).toMatchObject({ ok: true, degraded: true });
    expect(answer.reason).toMatch(/^took \d+ms, more than 20ms$/);
  });

  it('trusts whom it is told to, by the name in the URL', async (context) => {
    const tls = certificate('localhost', cleanups);
    if (tls === undefined) return context.skip('no openssl here');
    const { port } = await serveTls(tls, (_, response) => response.end('ok'), cleanups);
    const url = `https://localhost:${port}/`;
    expect(await ask(httpCheck(url, { tls: { ca: tls.cert } }))).toMatchObject({ ok: true });
    expect((await ask(httpCheck(url))).reason).toContain('SELF_SIGNED');
    const byAddress = httpCheck(`https://127.0.0.1:${port}/`, { tls: { ca: tls.cert } });
    expect((await ask(byAddress)).reason).toContain('ALTNAME');
    const named = { ca: tls.cert, servername: 'localhost' };
    const told = httpCheck(`https://127.0.0.1:${port}/`, { tls: named });
    expect((await ask(told)).ok).toBe(true);
  });

  it('is about others, and says what is wrong with its options', () => {
    expect(isAboutOthers(httpCheck('http://a/'))).toBe(true);
    for (const [bad, text] of [
      [() => httpCheck('nowhere'), 'url: expected a URL of http or https'],
      [() => httpCheck('ftp://a/'), 'url: expected a URL of http or https'],
      [() => httpCheck('http://a/', { status: [300, 200] }), 'status: expected two statuses'],
      [() => httpCheck('http://a/', { body: 7 as never }), 'body: expected'],
      [() => httpCheck('http://a/', { methd: 'GET' } as never), 'unknown option "methd"'],
      [() => httpCheck('http://a/', { maxBody: 0 }), 'maxBody: expected'],
      [
        () => httpCheck('http://a/', { headers: { a: 'b\nc' } }),
        'headers: expected what node:http',
      ],
      [
        () => httpCheck('https://a/', { tls: { cert: 'x', key: 'y' } }),
        'tls: expected what node:tls',
      ],
    ] as const) {
      expect(bad).toThrow(text);
    }
  });
});

describe('tcpCheck', () => {
  it('passes where somebody accepts, by address and by name', async () => {
    const { port } = await serveTcp((socket) => socket.write('220 hello\r\n'), cleanups);
    for (const host of ['127.0.0.1', 'localhost']) {
      expect(await ask(tcpCheck({ host, port }))).toMatchObject({ ok: true });
    }
    expect(isAboutOthers(tcpCheck({ port }))).toBe(true);
  });

  it('fails where nobody does, and gives up at its signal', async () => {
    expect((await ask(tcpCheck({ port: await closedPort() }))).reason).toContain('ECONNREFUSED');
    const { port } = await serveTcp(() => {}, cleanups);
    const aborted = AbortSignal.abort(new Error('enough'));
    expect(await ask(tcpCheck({ port }), aborted)).toEqual({ ok: false, reason: 'enough' });
    expect((await ask(tcpCheck({ host: 'nowhere.invalid', port }))).reason).toMatch(
      /ENOTFOUND|EAI_/,
    );
    expect(() => tcpCheck({} as never)).toThrow('port: expected');
    expect(() => tcpCheck({ host: '', port })).toThrow('host: expected');
  });
});

describe('postgresCheck and redisCheck', () => {
  it('take what the clients in use return', async () => {
    for (const rows of [{ rows: [{ '?column?': 1 }] }, [{ '?column?': 1 }]]) {
      expect((await ask(postgresCheck(async () => rows))).ok).toBe(true);
    }
    for (const pong of ['PONG', Buffer.from('PONG')]) {
      expect((await ask(redisCheck(async () => pong))).ok).toBe(true);
    }
  });

  it('fail for what is no answer, and for what the client throws', async () => {
    expect((await ask(postgresCheck(async () => undefined))).reason).toContain('did not return');
    expect((await ask(postgresCheck(async () => ({ rows: [] })))).reason).toContain('no row');
    expect((await ask(redisCheck(async () => 'LOADING'))).reason).toBe('the answer was not PONG');
    const refused = async () => {
      throw Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });
    };
    expect((await ask(redisCheck(refused))).reason).toBe('ECONNREFUSED: connection refused');
    expect(isAboutOthers(postgresCheck(refused))).toBe(true);
    expect(() => redisCheck('PING' as never)).toThrow('ping: expected a function');
    expect(() => redisCheck(refused, { slow: -1 })).toThrow('slow: expected');
  });
});
