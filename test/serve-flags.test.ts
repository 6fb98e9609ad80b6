/** What the flags of `phi-accrual serve` mean to the service, without a service. */
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addServe } from '../src/cli/serve.js';
import { ofFlag, type ServeOptions, serviceOptionsOf } from '../src/cli/serve-flags.js';
import { resolveRegistryOptions } from '../src/registry/options.js';
import { resolveServiceOptions } from '../src/registry/service/options.js';

/** The options of the service that a command line stands for, checked as the service does. */
async function meant(...args: string[]) {
  const program = new Command('phi-accrual').exitOverride().configureOutput({
    outputError: () => {},
  });
  addServe(program);
  let told: ServeOptions | undefined;
  for (const command of program.commands) {
    command.action((options: ServeOptions) => {
      told = options;
    });
    command.exitOverride().configureOutput({ outputError: () => {} });
  }
  await program.parseAsync(['node', 'phi-accrual', 'serve', ...args]);
  const options = serviceOptionsOf(told as ServeOptions);
  const service = resolveServiceOptions(options);
  return { service, registry: resolveRegistryOptions(service.registry), options };
}

/** What is said of a command line that is wrong. */
const refusal = (...args: string[]): Promise<string> =>
  meant(...args).then(
    () => 'nothing',
    (error: Error) => (error instanceof RangeError ? ofFlag(error.message) : error.message),
  );

describe('the flags of serve', () => {
  it('leave everything at its default where none is given', async () => {
    const { service, registry } = await meant();
    const [expected, ofRegistry] = [
      resolveServiceOptions({ drain: 250 }),
      resolveRegistryOptions(),
    ];
    for (const name of ['host', 'port', 'udpPort', 'maxStreams', 'maxSeries', 'drain'] as const) {
      expect(service[name], name).toEqual(expected[name]);
    }
    for (const name of ['ttl', 'goneAfter', 'panic', 'removal', 'slowStart'] as const) {
      expect(registry[name], name).toEqual(ofRegistry[name]);
    }
    expect(registry.maxInstances).toBe(ofRegistry.maxInstances);
    expect(registry.detector.threshold).toBeUndefined();
    // A registry that was told nothing finds out by itself whether it lost what it knew.
    expect(service.registry.warmUp).toBeUndefined();
  });

  it.each([
    ['--interval 500', { heartbeatInterval: 500 }],
    ['--ttl 15000', { ttl: 15_000 }],
    ['--gone-after 3600000', { goneAfter: 3_600_000 }],
    ['--panic 30', { panic: { below: 30, route: 'all' } }],
    ['--panic 0', { panic: { below: 0, route: 'all' } }],
    ['--panic-route none', { panic: { below: 50, route: 'none' } }],
    ['--ejection 5000', { ejection: { base: 5000, max: 300_000 } }],
    ['--max-ejection 60000', { ejection: { base: 30_000, max: 60_000 } }],
    ['--restart-delay 0', { restart: { delay: 0, maxDelay: 300_000 } }],
    ['--max-restart-delay 9000', { restart: { delay: 1000, maxDelay: 9000 } }],
    ['--history 50', { history: 50 }],
    ['--removal 2000', { removal: { every: 2000, notice: 900_000 } }],
    ['--slow-start 0', { slowStart: 0 }],
    ['--warm-up 0', { warmUp: 0 }],
    ['--warm-up 20000', { warmUp: 20_000 }],
    ['--slow-start 5000', { slowStart: 5000 }],
    ['--max-instances 7', { maxInstances: 7 }],
  ])('%s is an option of the registry', async (flags, expected) => {
    expect((await meant(...flags.split(' '))).registry).toMatchObject(expected);
  });

  it.each([
    ['--threshold 12', { threshold: 12 }],
    ['--max-mistakes 1/day', { maxMistakesPerHour: 1 / 24 }],
    ['--pause 3000', { acceptablePause: 3000 }],
  ])('%s is an option of the detectors of both signals', async (flags, expected) => {
    expect((await meant(...flags.split(' '))).registry.detector).toMatchObject(expected);
  });

  it.each([
    ['--max-streams 3', { maxStreams: 3 }],
    ['--max-connections 50', { maxConnections: 50, maxConnectionsPerAddress: 5 }],
    ['--max-connections-per-address 3', { maxConnections: 10_000, maxConnectionsPerAddress: 3 }],
    ['--max-series 0', { maxSeries: 0 }],
    ['--agent-check 0', { agentCheck: 0 }],
    ['--no-udp', { udpPort: false }],
    ['--refuse-damaged-state --state a', { refuseDamagedState: true, state: 'a' }],
    ['--tls-cert a --tls-key b', { tls: { cert: 'a', key: 'b' } }],
    [
      '--probe http:/up --probe-interval 50 --probe-allow 10.0.0.0/8 ::1',
      { probe: { kind: 'http', path: '/up', interval: 50, allow: ['10.0.0.0/8', '::1'] } },
    ],
  ])('%s is an option of the service', async (flags, expected) => {
    expect((await meant(...flags.split(' '))).service).toMatchObject(expected);
  });

  it('name trusted proxies by their networks, or by how many there are', async () => {
    const { service } = await meant('--trust-proxy', '10.0.0.0/8', 'fd00::/8');
    const through = (header: string, remoteAddress = '10.0.0.1') =>
      ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': header } }) as never;
    expect(service.askers.addressOf(through('192.0.2.1, fd00::1'))).toBe('192.0.2.1');
    expect(service.askers.addressOf(through('192.0.2.1', '11.0.0.1'))).toBe('11.0.0.1');
    const { options } = await meant('--trust-proxy', '2');
    expect(options.trustProxy).toBe(2);
  });

  it.each([
    ['--ttl', '0'],
    ['--ttl', 'soon'],
    ['--gone-after', '-1'],
    ['--panic', '101'],
    ['--panic', '50%'],
    ['--panic-route', 'some'],
    ['--ejection', '-1'],
    ['--max-ejection', 'long'],
    ['--restart-delay', '-1'],
    ['--max-restart-delay', ''],
    ['--history', '0'],
    ['--max-connections-per-address', '0'],
    ['--removal', '0'],
    ['--slow-start', '-1'],
    ['--warm-up', '-1'],
    ['--interval', '0'],
    ['--pause', ''],
    ['--threshold', '0'],
    ['--max-mistakes', '1'],
    ['--max-mistakes', '99999999999/s'],
    ['--max-streams', '0'],
    ['--max-streams', '1.5'],
    ['--max-connections', '0'],
    ['--max-series', '-1'],
    ['--max-instances', '0'],
    ['--trust-proxy', 'everywhere'],
    ['--trust-proxy', '10.0.0.0/33'],
    ['--trust-proxy', '101'],
    ['--agent-check', '65536'],
    ['--host', '0.0.0.0'],
    ['--allow-origin', 'example.com'],
    ['--drain', '60001'],
  ])('refuse %s %s in one line that names the flag', async (flag, value) => {
    const text = await refusal(flag, value);
    expect(text).toMatch(new RegExp(`^(error: option '${flag} .*|${flag}: )[^\\n]+$`));
  });

  it('refuse what does not go together, naming both', async () => {
    const both = await refusal('--threshold', '8', '--max-mistakes', '1/day');
    expect(both).toBe('serve: give --threshold or --max-mistakes, not both');
    expect(await refusal('--probe-interval', '100')).toMatch(
      /^serve: --probe-interval .* --probe$/,
    );
    expect(await refusal('--tls-cert', 'a')).toMatch(/^serve: --tls-cert and --tls-key/);
  });

  it('say of an option of the probes by which flag it came', () => {
    expect(ofFlag('allow[3]: expected x')).toBe('--probe-allow: expected x');
    expect(ofFlag('panic.below: expected x')).toBe('--panic: expected x');
    expect(ofFlag('restart.maxDelay: expected x')).toBe('--max-restart-delay: expected x');
    expect(ofFlag('/tmp/a: no such file')).toBe('/tmp/a: no such file');
  });
});
