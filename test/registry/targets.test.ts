/** Targets for consumers that cannot speak our API, and HAProxy's agent check. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { RegistryService } from '../../src/registry/service/index.js';
import { Loop } from '../support/loop.js';
import { ask, request, start, TOKENS, web } from '../support/service.js';

/** Three instances that were heard, one of them draining, and one that was not. */
async function fleet(options = {}): Promise<RegistryService> {
  const service = await start(options);
  const { registry } = service;
  registry
    .register(web('a', { address: '10.0.0.1:80', meta: { zone: 'eu', 'my-key': 'x' } }))
    .renew();
  registry.register(web('b', { address: 'http://[::1]:8080/path' })).renew();
  registry.register(web('c', { address: 'queue/seven' })).renew();
  registry.register(web('d', { address: '10.0.0.4:80' })).renew();
  registry.drain('d');
  registry.register(web('e', { address: '10.0.0.5:80' }));
  return service;
}

const settled = { registry: { slowStart: 0 } };

/** What the agent answers to a line. */
async function agent(service: RegistryService, line: string): Promise<string> {
  const socket = connect(service.agentPort as number, '127.0.0.1');
  socket.setEncoding('utf8');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.write(line);
  await once(socket, 'close');
  return text;
}

describe('the targets of a service', () => {
  it('come as JSON, with mode and weights, by default', async () => {
    const service = await fleet(settled);
    const { json } = await ask(service, '/services/web/targets');
    expect(json).toEqual({
      mode: 'normal',
      targets: [
        { id: 'a', address: '10.0.0.1:80', weight: 1 },
        { id: 'b', address: 'http://[::1]:8080/path', weight: 1 },
        { id: 'c', address: 'queue/seven', weight: 1 },
      ],
    });
    expect((await ask(service, '/services/web/targets?format=json')).json).toEqual(json);
  });

  it('come as lines of host:port, and count those that have none', async () => {
    const { text, headers } = await ask(await fleet(settled), '/services/web/targets?format=text');
    expect(text).toBe('10.0.0.1:80\n[::1]:8080\n');
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    expect(headers.get('x-phi-accrual-omitted')).toBe('1');
    expect(headers.get('x-phi-accrual-mode')).toBe('normal');
  });

  it('come as objects of Prometheus with labels that it drops unless relabelled', async () => {
    const service = await fleet(settled);
    const { json, headers } = await ask(service, '/services/web/targets?format=prometheus');
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(json[0]).toEqual({
      targets: ['10.0.0.1:80'],
      labels: {
        __meta_phi_accrual_id: 'a',
        __meta_phi_accrual_service: 'web',
        __meta_phi_accrual_status: 'available',
        __meta_phi_accrual_routable: 'true',
        __meta_phi_accrual_meta_zone: 'eu',
        __meta_phi_accrual_meta_my_key: 'x',
      },
    });
    expect(json).toHaveLength(2);
  });

  it('come as server lines of HAProxy, by names that it takes', async () => {
    const service = await start(settled);
    service.registry.register(web('web-1', { address: '10.0.0.1:80' })).renew();
    service.registry.register(web('web 1 ü', { address: '10.0.0.2:80' })).renew();
    const { text } = await ask(service, '/services/web/targets?format=haproxy');
    expect(text).toMatch(
      /^server web-1 10\.0\.0\.1:80 weight 100\nserver web_1__-[0-9a-f]{8} 10\.0\.0\.2:80 weight 100\n$/,
    );
  });

  it('contain, if all are asked for, those that get no traffic too', async () => {
    const service = await fleet(settled);
    const { text } = await ask(service, '/services/web/targets?format=haproxy&all=1');
    expect(text).toContain('server d 10.0.0.4:80 weight 0\n');
    expect(text).toContain('server e 10.0.0.5:80 weight 0\n');
    const { json } = await ask(service, '/services/web/targets?format=prometheus&all=1');
    const d = json.find((each: { targets: string[] }) => each.targets[0] === '10.0.0.4:80');
    expect(d.labels.__meta_phi_accrual_routable).toBe('false');
  });

  it('are none for a service that nobody knows', async () => {
    const service = await start();
    expect((await ask(service, '/services/x/targets')).json).toEqual({
      mode: 'empty',
      targets: [],
    });
    expect((await ask(service, '/services/x/targets?format=text')).text).toBe('');
    expect((await ask(service, '/services/x/targets?format=prometheus')).json).toEqual([]);
  });

  it('are refused in a format that is none, and to those who may not read', async () => {
    const service = await start({ tokens: TOKENS });
    expect((await ask(service, '/services/x/targets')).status).toBe(401);
    const { token } = { token: TOKENS.reader };
    const { status, json } = await ask(service, '/services/x/targets?format=xml', { token });
    expect([status, json.error.code]).toEqual([400, 'invalid']);
    const head = await service.fetch(
      request('/services/x/targets?format=text', { token, method: 'HEAD' }),
    );
    expect(head.status).toBe(200);
  });
});

describe('while the registry learns who is there', () => {
  const learning = { registry: { slowStart: 0, warmUp: 60_000 }, agentCheck: 0 };

  it.each(['text', 'prometheus', 'haproxy'])(
    'a list as %s is refused: it would be taken for all there is',
    async (format) => {
      const service = await fleet(learning);
      for (const path of [`web/targets?format=${format}`, `x/targets?format=${format}&all=1`]) {
        const { status, json, headers } = await ask(service, `/services/${path}`);
        expect([status, json.error.code]).toEqual([503, 'learning']);
        expect(headers.get('retry-after')).toBe('1');
      }
    },
  );

  it('a list as JSON has those who are known, and says that it is not complete', async () => {
    const { json } = await ask(await fleet(learning), '/services/web/targets');
    expect(json.mode).toBe('learning');
    expect(json.targets.map(({ id }: { id: string }) => id)).toEqual(['a', 'b', 'c']);
  });

  it('the agent check says nothing of who may be about to come, and the truth of all others', async () => {
    const service = await fleet(learning);
    expect(await agent(service, 'nobody\n')).toBe('');
    expect(await agent(service, 'e\n')).toBe(''); // registered anew, and not heard yet
    expect(await agent(service, 'a\n')).toBe('up ready 100%\n');
    expect(await agent(service, 'd\n')).toBe('drain\n');
    service.registry.register(web('f', { ready: false })).renew();
    expect(await agent(service, 'f\n')).toBe('down #not-ready\n');
  });

  it('a heartbeat of somebody unknown is enough to begin it, and the lists come when it is over', async () => {
    const loop = new Loop();
    const registry = { slowStart: 0, clock: loop, warmUp: undefined };
    const service = await start({ registry, agentCheck: 0 });
    service.registry.register(web('a', { address: '10.0.0.1:80' })).renew();
    const text = () => ask(service, '/services/web/targets?format=text');
    for (let at = 1000; at <= 7000; at += 1000) {
      loop.runUntil(at);
      service.registry.heartbeat('a', { generation: 1 });
    }
    expect((await text()).text).toBe('10.0.0.1:80\n');
    await ask(service, '/heartbeat/before', { body: { generation: 3 } });
    expect((await text()).status).toBe(503);
    expect(await agent(service, 'before\n')).toBe('');
    const beat = () => service.registry.heartbeat('a', { generation: 1 });
    for (let at = 8000; at <= 31_000; at += 1000) {
      loop.runUntil(at);
      beat();
    }
    expect((await text()).text).toBe('10.0.0.1:80\n');
    expect(await agent(service, 'before\n')).toBe('down #not registered\n');
  });
});

describe('the agent check', () => {
  it('says of each id whether it takes traffic, and how much', async () => {
    const service = await fleet({ ...settled, agentCheck: 0 });
    expect(await agent(service, 'a\n')).toBe('up ready 100%\n');
    expect(await agent(service, 'b\r\n')).toBe('up ready 100%\n');
    expect(await agent(service, 'd\n')).toBe('drain\n');
    expect(await agent(service, 'e\n')).toBe('down #starting\n');
    expect(await agent(service, 'nobody\n')).toBe('down #not registered\n');
    service.registry.undrain('d');
    expect(await agent(service, 'd\n')).toBe('up ready 100%\n');
  });

  it('says of one that serves and gets no traffic that it was ejected', async () => {
    const loop = new Loop();
    const outliers = { errors: {} } as const;
    const registry = { slowStart: 0, clock: loop, outliers };
    const service = await start({ registry, agentCheck: 0 });
    const beat = () => {
      for (let i = 0; i < 20; i++) {
        const { generation } = service.registry.get(`w${i}`) as { generation: number };
        service.registry.heartbeat(`w${i}`, { generation, figures: { errors: i === 7 ? 900 : i } });
      }
    };
    for (let i = 0; i < 20; i++) service.registry.register(web(`w${i}`));
    for (let at = 0; at <= 6000; at += 1000) {
      loop.runUntil(at);
      beat();
    }
    service.registry.reportFailure('w3');
    expect(service.registry.get('w3')?.status).toBe('available');
    expect(await agent(service, 'w3\n')).toBe('down #ejected: its failures were reported\n');
    expect(await agent(service, 'w7\n')).toBe('down #ejected: an outlier of its service\n');
    expect(await agent(service, 'w4\n')).toBe('up ready 100%\n');
  });

  it('says of one that serves and gets no traffic for a panic that there is one', async () => {
    const loop = new Loop();
    const registry = { slowStart: 0, clock: loop, panic: { route: 'none' } } as const;
    const service = await start({ registry, agentCheck: 0 });
    const leases = ['a', 'b', 'c'].map((id) => service.registry.register(web(id)));
    for (let at = 0; at <= 60_000; at += 1000) {
      loop.runUntil(at);
      for (const lease of leases) if (lease.id === 'a' || at < 5000) lease.renew();
    }
    expect(service.registry.get('a')?.status).toBe('available');
    expect(service.registry.route('web').mode).toBe('panic');
    expect(await agent(service, 'a\n')).toBe('down #panic\n');
    expect(await agent(service, 'b\n')).toBe('down #dead\n');
  });

  it('gives a weight that rises with the slow start, from a tenth on', async () => {
    const service = await fleet({ agentCheck: 0 });
    const [, percent] = /^up ready (\d+)%\n$/.exec(await agent(service, 'a\n')) ?? [];
    expect(Number(percent)).toBeGreaterThanOrEqual(10);
    expect(Number(percent)).toBeLessThan(100);
  });

  it('answers nothing to what is no id, and cuts off who says nothing', async () => {
    const service = await fleet({ agentCheck: 0 });
    expect(await agent(service, '\n')).toBe('');
    expect(await agent(service, 'x'.repeat(100_000))).toBe('');
    expect(await agent(service, '')).toBe('');
  });

  it('is free after the service has closed, whoever is still connected', async () => {
    const service = await fleet({ agentCheck: 0 });
    const socket = connect({
      port: service.agentPort as number,
      host: '127.0.0.1',
      allowHalfOpen: true,
    });
    socket.on('error', () => {});
    await once(socket, 'connect');
    await service.close();
    const again = await start({ agentCheck: service.agentPort as number });
    expect(again.agentPort).toBe(service.agentPort);
    socket.destroy();
  });
});
