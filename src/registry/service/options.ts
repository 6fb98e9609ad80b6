/** Every option of the service: unit, default, consequence; and its validation. */
import { isIP } from 'node:net';
import type { Host } from '../../core/host.js';
import { resolveSettings } from '../../core/settings.js';
import {
  checkBoolean,
  checkKeys,
  checkNumber,
  checkRange,
  checkType,
} from '../../core/validate.js';
import { isLoopbackAddress } from '../networks.js';
import type { RegistryOptions } from '../options.js';
import { Askers, type TrustProxy } from './askers.js';
import type { DemoNodes } from './context.js';
import { AllowedHosts } from './hosts.js';
import { pageFolder } from './page-files.js';
import type { ServiceProbeOptions } from './probing.js';
import { TokenCheck, type Tokens } from './tokens.js';

/** What happens beside requests, for a log. */
export interface ServiceNotice {
  readonly kind: 'error' | 'state-fault' | 'state-recovered' | 'state-damaged' | 'state-unfinished';
  readonly message: string;
  readonly error?: Error;
}

/** Options of {@link startService}. */
export interface ServiceOptions {
  /**
   * Address or name to listen on. Default `'127.0.0.1'`. Any that is not loopback needs tokens:
   * without them everybody who reaches the port could do everything.
   */
  readonly host?: string;
  /** TCP port of HTTP; default 7946, 0 takes a free one. */
  readonly port?: number;
  /** UDP port of heartbeats; default 7946, 0 takes a free one, `false` is none. */
  readonly udpPort?: number | false;
  /**
   * TCP port of HAProxy's agent checks, on the same host; 0 takes a free one. Default: none. It asks
   * for no token, and says no more than whether an instance takes traffic.
   */
  readonly agentCheck?: number;
  /** The state file; default none: after a restart all nodes have to register again. */
  readonly state?: string;
  /**
   * Whether a state that is damaged is refused at the start; default false: what is damaged is told
   * by {@link onNotice} and kept under another name, and the rest is used.
   */
  readonly refuseDamagedState?: boolean;
  /**
   * Between two checkpoints, in ms; default 5000. What was learnt since the last one is lost in a
   * crash; registrations never are. A large registry takes longer: at most a twentieth of the time.
   */
  readonly checkpointInterval?: number;
  /** Tokens by role; default none: everybody on this machine may do everything. */
  readonly tokens?: Tokens;
  /** Host names, beside localhost and addresses, by which requests may come. */
  readonly allowHosts?: readonly string[];
  /** Origins, as `https://example.com`, whose pages may ask beside our own. */
  readonly allowOrigins?: readonly string[];
  /**
   * The proxies before this service, as addresses and networks, `['10.0.0.0/8']`, or as how many of
   * them each request comes through. Default none. Their `X-Forwarded-For` then says who asks:
   * budgets are by client and not by proxy. Name no more than there are: a client could choose its
   * address.
   */
  readonly trustProxy?: TrustProxy;
  /** Certificate and key as PEM files: HTTPS instead of HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The largest body of a request, in bytes; default 65,536. More is 413. */
  readonly maxBodyBytes?: number;
  /**
   * The most readers of `/events`; default 200. More are 503, but for ten operators beside them: the
   * page can be had when all places are taken. A newcomer takes the place of one of an asker who has
   * several more than he.
   */
  readonly maxStreams?: number;
  /**
   * How many bytes are handed to the connection of one reader of `/events` at once; default 65,536.
   * What waits is written when it is read, so all readers together hold this times `maxStreams` at
   * the most. Smaller parts hold less, and cost more for each byte.
   */
  readonly maxStreamBytes?: number;
  /** The most connections at once; default 10,000. More are closed. */
  readonly maxConnections?: number;
  /**
   * The most connections of one address (of one /64, for IPv6); default a tenth of `maxConnections`.
   * More are closed. Trusted proxies are not counted, and neither is this machine unless the option
   * is given.
   */
  readonly maxConnectionsPerAddress?: number;
  /** Each signal has so many instances with metrics of their own; default 1000. */
  readonly maxSeries?: number;
  /** Folder of the page; default that of the package. */
  readonly dashboard?: string;
  /**
   * Polls the instances, for their process signal: options of a prober. Default: nobody is polled.
   * Without `allow`, only addresses from which instances registered are connected to.
   */
  readonly probe?: ServiceProbeOptions;
  /**
   * How long the service goes on after it was told to end, in ms, while `/readyz` says so; default
   * 0. Longer lets load balancers notice before requests are refused.
   */
  readonly drain?: number;
  /** Nodes that the buttons of the page kill and freeze: a demonstration. */
  readonly demo?: DemoNodes;
  /** Options of the registry itself. The key of the secrets is the state file's, if there is one. */
  readonly registry?: Omit<RegistryOptions, 'signal'>;
  /** Told what happens beside requests. Default: nobody is. */
  readonly onNotice?: (notice: ServiceNotice) => void;
  /** Ends the service when it is aborted. */
  readonly signal?: AbortSignal;
}

/** {@link ServiceOptions} with every default filled in. */
export interface ResolvedServiceOptions {
  readonly host: string;
  readonly port: number;
  readonly udpPort: number | false;
  readonly agentCheck: number | undefined;
  readonly state: string | undefined;
  readonly refuseDamagedState: boolean;
  readonly checkpointInterval: number;
  readonly tokens: TokenCheck;
  readonly hosts: AllowedHosts;
  readonly askers: Askers;
  readonly tls: ServiceOptions['tls'];
  readonly maxBodyBytes: number;
  readonly maxStreams: number;
  readonly maxStreamBytes: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Whether connections from an address are not counted by it. */
  readonly isExempt: (address: string) => boolean;
  readonly maxSeries: number;
  readonly dashboard: string;
  readonly probe: ServiceProbeOptions | undefined;
  readonly drain: number;
  readonly demo: DemoNodes | undefined;
  readonly registry: Omit<RegistryOptions, 'signal'>;
  readonly onNotice: (notice: ServiceNotice) => void;
  readonly signal: AbortSignal | undefined;
  /** Time and timers, those of the registry. */
  readonly time: Host;
  readonly wall: () => number;
}

const KEYS: readonly (keyof ServiceOptions)[] = [
  ...(['host', 'port', 'udpPort', 'state', 'checkpointInterval', 'tokens', 'allowHosts'] as const),
  'refuseDamagedState',
  ...(['allowOrigins', 'tls', 'maxBodyBytes', 'maxStreams', 'maxSeries', 'dashboard'] as const),
  ...(['probe', 'drain', 'demo', 'registry', 'onNotice', 'signal', 'agentCheck'] as const),
  ...(['trustProxy', 'maxStreamBytes', 'maxConnections', 'maxConnectionsPerAddress'] as const),
];

const PORT = { least: 0, most: 65_535, integer: true };
const COUNT = { least: 1, most: 1e7, integer: true };

/** Whether only this machine reaches an address. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

function text(name: string, value: unknown): string {
  checkType(name, 'a string that is not empty', value, typeof value === 'string' && value !== '');
  return value as string;
}

function checkTls(tls: ServiceOptions['tls']): ServiceOptions['tls'] {
  if (tls === undefined) return undefined;
  const { cert, key } = checkKeys('tls', tls, ['cert', 'key']);
  return { cert: text('tls.cert', cert), key: text('tls.key', key) };
}

/** @throws TypeError, RangeError that name the option, what was expected and what came */
export function resolveServiceOptions(given?: ServiceOptions): ResolvedServiceOptions {
  const options = checkKeys('options', given, KEYS);
  const { allowHosts = [], allowOrigins, registry = {}, signal, onNotice = () => {} } = options;
  const host = text('host', options.host ?? '127.0.0.1');
  const tokens = new TokenCheck(options.tokens);
  const open = isLoopback(host) || tokens.required;
  checkRange('host', 'a loopback address, or tokens as well', host, open);
  const { udpPort = 7946 } = options;
  checkType('onNotice', 'a function', onNotice, typeof onNotice === 'function');
  // Whoever listens on a name is asked for by it.
  const names = isIP(host) > 0 ? allowHosts : [...allowHosts, host.toLowerCase()];
  const askers = new Askers(options.trustProxy);
  const limited = options.maxConnectionsPerAddress !== undefined;
  type Count = 'maxBodyBytes' | 'maxStreams' | 'maxConnections' | 'maxConnectionsPerAddress';
  const number = (name: Count, fallback: number) =>
    checkNumber(name, options[name] ?? fallback, COUNT);
  const maxConnections = number('maxConnections', 10_000);
  return {
    host,
    port: checkNumber('port', options.port ?? 7946, PORT),
    udpPort: udpPort === false ? false : checkNumber('udpPort', udpPort, PORT),
    agentCheck:
      options.agentCheck === undefined
        ? undefined
        : checkNumber('agentCheck', options.agentCheck, PORT),
    state: options.state === undefined ? undefined : text('state', options.state),
    refuseDamagedState: checkBoolean('refuseDamagedState', options.refuseDamagedState ?? false),
    checkpointInterval: checkNumber('checkpointInterval', options.checkpointInterval ?? 5000, {
      least: 1,
      most: 2_147_483_647,
      unit: 'ms',
    }),
    tokens,
    hosts: new AllowedHosts(names, allowOrigins),
    askers,
    tls: checkTls(options.tls),
    maxBodyBytes: number('maxBodyBytes', 65_536),
    maxStreams: number('maxStreams', 200),
    maxConnections,
    maxConnectionsPerAddress: number('maxConnectionsPerAddress', Math.ceil(maxConnections / 10)),
    isExempt: (address) => askers.isProxy(address) || (!limited && isLoopbackAddress(address)),
    maxStreamBytes: checkNumber('maxStreamBytes', options.maxStreamBytes ?? 65_536, {
      least: 1024,
      most: 1 << 30,
      integer: true,
      unit: 'bytes',
    }),
    maxSeries: checkNumber('maxSeries', options.maxSeries ?? 1000, { ...COUNT, least: 0 }),
    dashboard: text('dashboard', options.dashboard ?? pageFolder()),
    probe: options.probe,
    drain: checkNumber('drain', options.drain ?? 0, { least: 0, most: 60_000, unit: 'ms' }),
    demo: options.demo,
    registry,
    onNotice,
    signal,
    time: resolveSettings({ clock: registry.clock, signal }).host,
    wall: registry.wall ?? Date.now,
  };
}
