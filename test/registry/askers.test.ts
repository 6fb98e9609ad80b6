/** From where a request comes, also behind proxies. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { createProxyServer } from 'httpxy';
import { afterEach, describe, expect, it } from 'vitest';
import { subscriberOf } from '../../src/registry/networks.js';
import { Askers } from '../../src/registry/service/askers.js';
import { start, TOKENS } from '../support/service.js';

const from = (askers: Askers, remoteAddress: string, forwarded?: string) =>
  askers.addressOf({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  } as never);

describe('the address of a client', () => {
  it.each<[string, number | string[] | undefined, string, string | undefined, string]>([
    ['that of the connection', undefined, '9.9.9.9', '1.1.1.1', '9.9.9.9'],
    ['that of the connection without proxies', [], '9.9.9.9', '1.1.1.1', '9.9.9.9'],
    ['what the proxy says', ['10.0.0.0/8'], '10.0.0.1', '1.1.1.1', '1.1.1.1'],
    ['not what the client says', ['10.0.0.0/8'], '10.0.0.1', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
    ['not what a stranger says', ['10.0.0.0/8'], '9.9.9.9', '1.1.1.1', '9.9.9.9'],
    ['behind several proxies', ['10.0.0.0/8'], '10.0.0.1', '6.6.6.6,1.1.1.1,10.0.0.2', '1.1.1.1'],
    ['the first of proxies alone', ['10.0.0.0/8'], '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['a proxy that says nothing', ['10.0.0.0/8'], '10.0.0.1', undefined, '10.0.0.1'],
    ['a proxy that says nonsense', ['10.0.0.0/8'], '10.0.0.1', '1.1.1.1, unknown', '10.0.0.1'],
    ['a proxy by its mapped address', ['10.0.0.0/8'], '::ffff:10.0.0.1', '1.1.1.1', '1.1.1.1'],
    ['one with a port', ['::1'], '::1', '1.1.1.1:5000', '1.1.1.1'],
    ['one of IPv6 with a port', ['::1'], '::1', '[2001:db8::1]:443', '2001:db8::1'],
    ['by number: one', 1, '9.9.9.9', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
    ['by number: two', 2, '9.9.9.9', '6.6.6.6, 1.1.1.1, 2.2.2.2', '1.1.1.1'],
    ['by number: more than there are', 5, '9.9.9.9', '1.1.1.1', '1.1.1.1'],
    ['by number: none', 0, '9.9.9.9', '1.1.1.1', '9.9.9.9'],
  ])('is %s', (_, trust, remote, forwarded, expected) => {
    expect(from(new Askers(trust), remote, forwarded)).toBe(expected);
  });

  it('is never one that the client alone has written', () => {
    const address = fc.ipV4();
    fc.assert(
      fc.property(fc.array(fc.oneof(address, fc.string())), address, (written, client) => {
        fc.pre(!client.startsWith('10.'));
        const header = [...written.map((each) => each.replaceAll(',', '')), client].join(', ');
        expect(from(new Askers(['10.0.0.0/8']), '10.0.0.1', header)).toBe(client);
        expect(from(new Askers(1), '10.0.0.1', header)).toBe(client);
        expect(from(new Askers(), '10.0.0.1', header)).toBe('10.0.0.1');
      }),
    );
  });

  it.each([
    [['10.0.0.0/33'], 'trustProxy[0]: expected an address or a network'],
    [['proxy.example'], 'trustProxy[0]: expected an address or a network'],
    [-1, 'trustProxy: expected an integer from 0 to 100'],
    [true, 'trustProxy: expected a list of networks, or the number of proxies'],
  ])('cannot be had by %j', async (trustProxy, message) => {
    await expect(start({ trustProxy: trustProxy as never })).rejects.toThrow(message);
  });

  it('stands for its /64, if it is one of IPv6', () => {
    expect(subscriberOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    expect(subscriberOf('2001:db8:1:2::1')).toBe('2001:db8:1:2::/64');
    expect(subscriberOf('2001:0DB8::1')).toBe('2001:db8:0:0::/64');
    expect(subscriberOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
    expect(subscriberOf('::1')).toBe('0:0:0:0::/64');
    expect(subscriberOf('::ffff:10.0.0.1')).toBe('10.0.0.1');
    expect(subscriberOf('10.0.0.1')).toBe('10.0.0.1');
    expect(subscriberOf('')).toBe('');
  });
});

describe('behind a reverse proxy', () => {
  const ends: (() => unknown)[] = [];
  afterEach(() => Promise.all(ends.splice(0).map((end) => end())));

  /** A real proxy, whose clients come from addresses that a test names. */
  async function behind(options: object) {
    const { url: target } = await start({ tokens: TOKENS, ...options });
    const proxy = createProxyServer({ target });
    const server = createServer((req, res) => {
      // As the connection's address: what the client has written stands before it.
      const said = req.headers['x-forwarded-for'];
      const client = String(req.headers['x-test-client']);
      req.headers['x-forwarded-for'] = said === undefined ? client : `${said}, ${client}`;
      void proxy.web(req, res).catch(() => res.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
    const { port } = server.address() as AddressInfo;
    return async (client: string, token: string, more: Record<string, string> = {}) => {
      const answer = await fetch(`http://127.0.0.1:${port}/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-test-client': client, ...more },
        body: JSON.stringify({ token }),
      });
      return answer.status;
    };
  }

  it('wrong tokens count against the client that sent them, whatever it says of itself', async () => {
    const signIn = await behind({ trustProxy: ['127.0.0.1'] });
    for (let i = 0; i < 12; i++) {
      const lie = { 'x-forwarded-for': `7.7.7.${i}` };
      expect(await signIn('6.6.6.6', 'not-the-right-token', lie)).toBe(i < 10 ? 401 : 429);
    }
    expect(await signIn('5.5.5.5', 'not-the-right-token')).toBe(401);
    expect(await signIn('5.5.5.5', TOKENS.operator)).toBe(200);
    expect(await signIn('6.6.6.6', TOKENS.operator)).toBe(200);
  });

  it('the right token is taken also where the proxy is not known', async () => {
    const signIn = await behind({});
    for (let i = 0; i < 12; i++) await signIn('6.6.6.6', 'not-the-right-token');
    expect(await signIn('5.5.5.5', TOKENS.operator)).toBe(200);
  });
});
