/** `phi-accrual serve`: the registry as a service. */
import { dirname, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RegistryService, ServiceProbeOptions, Tokens } from '../registry/service/index.js';
import {
  endAfter,
  integer,
  number,
  parseCount,
  parseMs,
  parsePause,
  parsePhi,
  parsePort,
  parseRate,
  UsageError,
} from './arguments.js';
import { ended } from './ending.js';
import { describeSystemError, printable, printableError } from './format.js';
import { ofFlag, type ServeOptions, serviceOptionsOf } from './serve-flags.js';

export function addServe(program: Command): void {
  program
    .command('serve')
    .description(
      'Run the registry: it tells over HTTP who may get traffic right now, and shows it on a page.',
    )
    .option('--host <address>', 'address to listen on; any but loopback needs tokens', '127.0.0.1')
    .option('--port <port>', 'TCP port; 0 takes a free one', parsePort, 7946)
    .option('--udp-port <port>', 'UDP port for heartbeats; 0 takes a free one', parsePort, 7946)
    .option('--no-udp', 'take heartbeats over HTTP only')
    .option(
      '--agent-check <port>',
      "TCP port for HAProxy's agent checks; 0 takes a free one",
      parsePort,
    )
    .option('--state <file>', 'keep instances and learnt intervals in this file over restarts')
    .option('--refuse-damaged-state', 'do not start if the state file is damaged')
    .option('--tokens <file>', 'JSON file with the node, reader and operator tokens')
    .option('--tls-cert <file>', 'certificate (PEM) for HTTPS; needs --tls-key')
    .option('--tls-key <file>', 'private key (PEM) of --tls-cert')
    .option('--allow-host <name...>', 'host names that requests may be addressed to')
    .option('--allow-origin <origin...>', 'web origins whose pages may send requests')
    .option(
      '--trust-proxy <network...>',
      'proxies whose X-Forwarded-For is trusted, or their number',
    )
    .option('--max-instances <n>', 'refuse more instances than this', parseCount, 100_000)
    .option('--max-streams <n>', 'most readers of /events at once (default: 200)', parseCount)
    .option('--max-connections <n>', 'most connections at once (default: 10000)', parseCount)
    .option(
      '--max-connections-per-address <n>',
      'most connections from one address (default: a tenth of them)',
      parseCount,
    )
    .option('--history <n>', 'changes kept for readers that reconnect (default: 10000)', parseCount)
    .option('--max-series <n>', 'most instances with own metrics (default: 1000)', parseSeries)
    .option(
      '--interval <ms>',
      'heartbeat interval of nodes that do not state theirs (default: 1000)',
      parseMs,
    )
    .option('--ttl <ms>', 'lease of nodes that do not state theirs (default: 30000)', parseMs)
    .option(
      '--gone-after <ms>',
      'remove instances silent for this long in any case (default: 600000)',
      parseMs,
    )
    .option('--threshold <phi>', 'φ at which a signal counts as missing (default: 8)', parsePhi)
    .option('--max-mistakes <rate>', 'budget of false suspicions instead, e.g. 1/day', parseRate)
    .option('--pause <ms>', 'silence that is always tolerated (default: 0)', parsePause)
    .option(
      '--panic <percent>',
      'route to all if fewer are available (default: 50); 0 turns it off',
      parsePercent,
    )
    .addOption(
      new Option('--panic-route <whom>', 'whom a panic routes to (default: all)').choices([
        'all',
        'none',
      ]),
    )
    .option(
      '--removal <ms>',
      'time between removals of expired instances (default: 10000)',
      parseMs,
    )
    .option(
      '--warm-up <ms>',
      'stay in learning mode for at most this long after a start; 0 turns it off',
      parseSpan,
    )
    .option(
      '--slow-start <ms>',
      'ramp up the weight of a returned instance over this time (default: 30000); 0 turns it off',
      parseSpan,
    )
    .option(
      '--ejection <ms>',
      'eject an instance for this long after a failure (default: 30000)',
      parseSpan,
    )
    .option('--max-ejection <ms>', 'longest ejection (default: 300000)', parseSpan)
    .option(
      '--restart-delay <ms>',
      'delay of the first restart request; doubles (default: 1000)',
      parseSpan,
    )
    .option(
      '--max-restart-delay <ms>',
      'longest delay of a restart request (default: 300000)',
      parseSpan,
    )
    .option('--probe <how>', 'probe the instances: http, http:/path or tcp', parseProbe)
    .option(
      '--probe-interval <ms>',
      'time between probes of one instance (default: 10000)',
      parseMs,
    )
    .option(
      '--probe-allow <network...>',
      'networks that probes may connect to; else only who registered',
    )
    .option('--drain <ms>', 'keep serving this long, not ready, when told to end', parseDrain, 250)
    .addOption(endAfter())
    .addHelpText(
      'after',
      '\nTokens may also come from the environment: PHI_ACCRUAL_NODE_TOKEN, _READER_TOKEN, _OPERATOR_TOKEN.',
    )
    .action(serve);
}

/** `http`, `http:/path` or `tcp`. */
function parseProbe(text: string): ServiceProbeOptions {
  const [, kind, path] = /^(http|tcp)(?::(\/.*))?$/.exec(text) ?? [];
  if (kind === undefined || (kind === 'tcp' && path !== undefined)) {
    throw new InvalidArgumentError('Expected http, http:/path or tcp.');
  }
  return { kind: kind as 'http' | 'tcp', ...(path !== undefined && { path }) };
}

const parsePercent = number('a percentage from 0 to 100', 0, 100);
const parseSpan = number('ms from 0 to 2147483647', 0, 2_147_483_647);
const parseSeries = integer('an integer from 0 to 10000000', 0, 1e7);
const parseDrain = number('ms from 0 to 60000', 0, 60_000);

/** Says what failed: the error of a socket names its address, that of a file its path. */
function describe(error: NodeJS.ErrnoException, { host, port, state }: ServeOptions): string {
  const at = error as { readonly address?: string; readonly port?: number };
  const { syscall = '' } = error;
  if (syscall === 'bind') return describeSystemError(error, `udp ${at.address}:${at.port}`);
  if (['listen', 'getaddrinfo'].includes(syscall)) {
    return describeSystemError(error, `${at.address ?? host}:${at.port ?? port}`);
  }
  if (error.code?.startsWith('ERR_OSSL')) return `--tls-cert, --tls-key: ${error.message}`;
  const folder = state === undefined ? undefined : dirname(resolve(state));
  const ofState = folder !== undefined && error.path?.startsWith(folder);
  return ofState ? `--state ${state}: ${error.message}` : error.message;
}

/** Runs the service until it is to end; its address is the first line on the screen. */
async function serve(options: ServeOptions): Promise<void> {
  const wanted = serviceOptionsOf(options);
  // No other command waits for a web server to be loaded.
  const { readTokens, StateError, startService } = await import('../registry/service/index.js');
  let tokens: Tokens;
  try {
    tokens = readTokens(options.tokens, process.env);
  } catch (error) {
    throw new UsageError(`--tokens: ${(error as Error).message}`);
  }
  let failed = () => {};
  const failure = new Promise<void>((resolve) => {
    failed = resolve;
  });
  // Before the first line: who reads that may tell it to end at once.
  const end = ended(options.for, failure);
  const service = await startService({
    ...wanted,
    tokens,
    onNotice: ({ message, error, kind }) => {
      const text = kind === 'error' && error ? printableError(error) : printable(message, ' ');
      process.stderr.write(`phi-accrual: ${text}\n`);
    },
  }).catch((error: NodeJS.ErrnoException) => {
    failed();
    if (error instanceof StateError) throw new UsageError(error.message);
    const usage = error instanceof TypeError || error instanceof RangeError;
    if (usage && error.code === undefined) throw new UsageError(ofFlag(error.message));
    if (error.code === undefined) throw error;
    throw new UsageError(describe(error, options));
  });
  process.stdout.write(`${service.url}\n${facts(service, options.state)}\n`);
  try {
    await end;
  } finally {
    await service.close();
  }
}

function facts(service: RegistryService, state: string | undefined): string {
  const { udpPort, agentPort } = service;
  return [
    `heartbeats: ${udpPort === null ? 'over http only' : `udp port ${udpPort}`}`,
    ...(agentPort === null ? [] : [`agent checks: port ${agentPort}`]),
    state === undefined
      ? 'in-memory state only: a restart forgets all instances'
      : `state in ${state}`,
    `${service.registry.size} instances`,
  ].join(' · ');
}
