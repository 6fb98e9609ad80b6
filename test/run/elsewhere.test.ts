/** The registration of a supervised command, at a real service. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Elsewhere } from '../../src/cli/run/elsewhere.js';
import { type RegistryService, startService } from '../../src/registry/service/index.js';

const PATIENCE = { timeout: 50_000, interval: 10 };
const open: { close(): unknown }[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const each of open.splice(0).reverse()) await each.close();
});

const TOKENS = { node: ['n'.repeat(20)], operator: ['o'.repeat(20)] };

async function serve(tokens?: typeof TOKENS): Promise<RegistryService> {
  const service = await startService({ port: 0, udpPort: 0, ...(tokens && { tokens }) });
  open.push(service);
  return service;
}

function hold(url: string, waits = false) {
  const said: string[] = [];
  const onFenced = vi.fn();
  const elsewhere = new Elsewhere({
    url,
    request: { id: 'w', service: 'web', address: 'h:1', heartbeatInterval: 50 },
    log: (line) => said.push(line),
    waits,
    onFenced,
  });
  open.push(elsewhere);
  return { elsewhere, said, onFenced };
}

describe('a command that is registered elsewhere', () => {
  it('gets traffic from when it is up, and none from when it is not', async () => {
    const { url, registry } = await serve();
    const { elsewhere } = hold(url);
    await vi.waitUntil(() => registry.get('w')?.status === 'not-ready', PATIENCE);
    elsewhere.isUp = true;
    await vi.waitUntil(() => registry.get('w')?.routable, PATIENCE);
    elsewhere.isUp = false;
    await vi.waitUntil(() => registry.get('w')?.status === 'not-ready', PATIENCE);
    await elsewhere.close();
    expect(registry.size).toBe(0);
  });

  it('tells that it is down in a beat of its own, also while the one before is under way', async () => {
    const { url, registry } = await serve();
    // No turn comes in this test: what is told is told at once.
    const request = { id: 'w', service: 'web', address: 'h:1', heartbeatInterval: 1e6 };
    const elsewhere = new Elsewhere({
      ...{ url, request, log: () => {}, waits: false },
      onFenced: () => {},
    });
    open.push(elsewhere);
    await vi.waitUntil(() => registry.get('w')?.status === 'not-ready', PATIENCE);
    elsewhere.isUp = true;
    elsewhere.isUp = false;
    elsewhere.isUp = true;
    await vi.waitUntil(() => registry.get('w')?.routable, PATIENCE);
    elsewhere.isUp = false;
    await vi.waitUntil(() => registry.get('w')?.status === 'not-ready', PATIENCE);
  });

  it('is out of the route before a drain begins to wait, and waits no longer once that is cut short', async () => {
    const { url, registry } = await serve();
    const { elsewhere } = hold(url);
    await vi.waitUntil(() => registry.get('w') !== undefined, PATIENCE);
    elsewhere.isUp = true;
    await vi.waitUntil(() => registry.get('w')?.routable, PATIENCE);
    const hurry = new AbortController();
    let over = false;
    const drained = elsewhere.drain(2 ** 31 - 1, hurry.signal).then(() => {
      over = true;
    });
    await vi.waitUntil(() => registry.get('w')?.draining, PATIENCE);
    expect(over).toBe(false);
    hurry.abort();
    await drained;
  });

  it('does not wait for those who cannot be told', async () => {
    const { elsewhere } = hold('http://127.0.0.1:1');
    await elsewhere.drain(2 ** 31 - 1, new AbortController().signal);
    const service = await serve();
    const { elsewhere: other, said } = hold(service.url);
    await vi.waitUntil(() => service.registry.get('w') !== undefined, PATIENCE);
    await service.close();
    await other.drain(2 ** 31 - 1, new AbortController().signal);
    expect(said.length).toBeGreaterThan(0);
  });

  it('is told once another has registered its id, and registers no more', async () => {
    const { url, registry } = await serve();
    const { onFenced } = hold(url);
    await vi.waitUntil(() => registry.get('w') !== undefined, PATIENCE);
    const other = registry.register({ id: 'w', service: 'web', address: 'h:2' });
    await vi.waitUntil(() => onFenced.mock.calls.length > 0, PATIENCE);
    expect(other.isValid()).toBe(true);
    other.deregister();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(registry.size).toBe(0);
    expect(onFenced).toHaveBeenCalledOnce();
  });

  it.each([
    ['has left', false],
    ['is dead', true],
  ])('registers again once the other %s, if it is to wait, and not before', async (_, dies) => {
    const { url, registry } = await serve();
    const { elsewhere, onFenced } = hold(url, true);
    elsewhere.isUp = true;
    await vi.waitUntil(() => registry.get('w')?.routable, PATIENCE);
    const about = { id: 'w', service: 'web', address: 'h:2', heartbeatInterval: 20 };
    const other = registry.register(about);
    const beating = setInterval(() => other.renew(), 20);
    await new Promise((resolve) => setTimeout(resolve, 4000)); // it asks every 1 to 3 s
    expect(other.isValid()).toBe(true);
    clearInterval(beating);
    if (!dies) other.deregister();
    await vi.waitUntil(() => registry.get('w')?.address === 'h:1', PATIENCE);
    await vi.waitUntil(() => registry.get('w')?.routable, PATIENCE);
    expect(onFenced).not.toHaveBeenCalled();
  });

  it('gets its id as soon as the life before is suspected, which was killed and holds it still', async () => {
    const { url, registry } = await serve(TOKENS);
    const before = registry.register({ id: 'w', service: 'web', address: 'h:0' });
    const beating = setInterval(() => before.renew(), 20);
    vi.stubEnv('PHI_ACCRUAL_TOKEN', TOKENS.node[0]);
    const { elsewhere, said } = hold(url);
    elsewhere.isUp = true;
    await vi.waitUntil(() => said.some((line) => /another life holds the id/.test(line)), PATIENCE);
    expect(before.isValid()).toBe(true);
    clearInterval(beating);
    await vi.waitUntil(() => registry.get('w')?.address === 'h:1', PATIENCE);
    expect(said.filter((line) => /another life holds the id/.test(line))).toHaveLength(1);
    await vi.waitUntil(() => registry.get('w')?.routable, PATIENCE);
  });
});
