/** The flags of `phi-accrual serve`, and the options of the service that they stand for. */
import type { RegistryOptions } from '../registry/options.js';
import type { ServiceOptions, ServiceProbeOptions } from '../registry/service/index.js';
import { checkSuspicion, type SuspicionFlags, UsageError } from './arguments.js';

/** What `phi-accrual serve` is told. */
export interface ServeOptions extends SuspicionFlags {
  host: string;
  port: number;
  udpPort: number;
  udp: boolean;
  agentCheck?: number;
  state?: string;
  refuseDamagedState?: boolean;
  tokens?: string;
  tlsCert?: string;
  tlsKey?: string;
  allowHost?: string[];
  allowOrigin?: string[];
  trustProxy?: string[];
  maxInstances: number;
  maxStreams?: number;
  maxConnections?: number;
  maxConnectionsPerAddress?: number;
  maxSeries?: number;
  interval?: number;
  ttl?: number;
  goneAfter?: number;
  pause?: number;
  panic?: number;
  panicRoute?: 'all' | 'none';
  removal?: number;
  slowStart?: number;
  ejection?: number;
  maxEjection?: number;
  restartDelay?: number;
  maxRestartDelay?: number;
  history?: number;
  warmUp?: number;
  probe?: ServiceProbeOptions;
  probeInterval?: number;
  probeAllow?: string[];
  drain: number;
  for?: number;
}

/** Options that have another name than their flag, by how errors name them. */
const FLAGS: Readonly<Record<string, string>> = {
  heartbeatInterval: 'interval',
  maxMistakesPerHour: 'max-mistakes',
  acceptablePause: 'pause',
  'panic.below': 'panic',
  'panic.route': 'panic-route',
  'removal.every': 'removal',
  'ejection.base': 'ejection',
  'ejection.max': 'max-ejection',
  'restart.delay': 'restart-delay',
  'restart.maxDelay': 'max-restart-delay',
  allowHosts: 'allow-host',
  allowOrigins: 'allow-origin',
  allow: 'probe-allow',
  path: 'probe',
  interval: 'probe-interval',
};

/** What an option's error says, for whoever gave a flag: `trustProxy[0]: …` is `--trust-proxy: …`. */
export const ofFlag = (message: string): string =>
  message.replace(/^([a-z]+[a-zA-Z.]*)(\[\d+\])?(?=: )/, (_, option: string) => {
    const same = option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return `--${FLAGS[option] ?? same}`;
  });

function tlsOf({ tlsCert: cert, tlsKey: key }: ServeOptions): ServiceOptions['tls'] {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new UsageError('serve: --tls-cert and --tls-key belong together');
  }
  return { cert, key };
}

function probeOf({ probe, probeInterval: interval, probeAllow: allow }: ServeOptions) {
  if (probe === undefined && (interval ?? allow) !== undefined) {
    throw new UsageError('serve: --probe-interval and --probe-allow need --probe');
  }
  return probe && { ...probe, ...(interval && { interval }), ...(allow && { allow }) };
}

/** Networks, or how many proxies there are: a number by itself. */
const trustOf = (given: ServeOptions['trustProxy']): ServiceOptions['trustProxy'] =>
  given?.length === 1 && /^\d+$/.test(given[0]) ? Number(given[0]) : given;

function registryOf(options: ServeOptions): Omit<RegistryOptions, 'signal'> {
  const { interval, ttl, goneAfter, slowStart, panic, removal, maxInstances } = options;
  const { warmUp, threshold, maxMistakes, pause, history } = options;
  const { panicRoute, ejection, maxEjection, restartDelay, maxRestartDelay } = options;
  checkSuspicion('serve', options);
  return {
    heartbeatInterval: interval,
    ttl,
    goneAfter,
    maxInstances,
    history,
    slowStart,
    warmUp,
    panic: { below: panic, route: panicRoute },
    ejection: { base: ejection, max: maxEjection },
    restart: { delay: restartDelay, maxDelay: maxRestartDelay },
    removal: { every: removal },
    detector: { threshold, maxMistakesPerHour: maxMistakes, acceptablePause: pause },
  };
}

/**
 * The options that flags stand for, all but the tokens, which are in a file or in the environment.
 *
 * @throws UsageError for flags that do not go together
 */
export function serviceOptionsOf(options: ServeOptions): ServiceOptions {
  const { host, port, udp, udpPort, agentCheck, state, refuseDamagedState, drain } = options;
  const { allowHost, allowOrigin, maxStreams, maxSeries } = options;
  const { maxConnections, maxConnectionsPerAddress } = options;
  return {
    host,
    port,
    udpPort: udp && udpPort,
    agentCheck,
    state,
    refuseDamagedState,
    tls: tlsOf(options),
    allowHosts: allowHost,
    allowOrigins: allowOrigin,
    trustProxy: trustOf(options.trustProxy),
    maxStreams,
    maxConnections,
    maxConnectionsPerAddress,
    maxSeries,
    probe: probeOf(options),
    drain,
    registry: registryOf(options),
  };
}
