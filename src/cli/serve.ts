/** `phi-accrual serve`: the registry as a service. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ServiceProbeOptions } from '../registry/service/index.js';
import {
  integer,
  number,
  parseCount,
  parseMs,
  parsePause,
  parsePhi,
  parsePort,
  parseRate,
  parseSeconds,
} from './arguments.js';
import type { ServeOptions } from './serve-flags.js';

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('The registry: who may get traffic right now, over HTTP and UDP, and a page.')
    .option('--host <address>', 'to listen on; others than loopback need tokens', '127.0.0.1')
    .option('--port <port>', 'TCP port; 0 takes a free one', parsePort, 7946)
    .option('--udp-port <port>', 'UDP port of heartbeats; 0 takes a free one', parsePort, 7946)
    .option('--no-udp', 'heartbeats by HTTP only')
    .option(
      '--agent-check <port>',
      "TCP port of HAProxy's agent checks; 0 takes a free one",
      parsePort,
    )
    .option('--state <file>', 'keeps members and what was learnt over restarts')
    .option('--refuse-damaged-state', 'do not start with what can be read of a damaged state')
    .option('--tokens <file>', 'JSON: node, reader and operator tokens')
    .option('--tls-cert <file>', 'certificate, PEM; with --tls-key')
    .option('--tls-key <file>', 'its key, PEM')
    .option('--allow-host <name...>', 'host names by which requests may come')
    .option('--allow-origin <origin...>', 'origins whose pages may ask')
    .option(
      '--trust-proxy <network...>',
      'proxies whose X-Forwarded-For is believed, or how many there are',
    )
    .option('--max-instances <n>', 'refuse more than this', parseCount, 100_000)
    .option('--max-streams <n>', 'readers of /events at once (200)', parseCount)
    .option('--max-connections <n>', 'connections at once (10000)', parseCount)
    .option(
      '--max-connections-per-address <n>',
      'of them, from one address; default a tenth',
      parseCount,
    )
    .option('--history <n>', 'changes kept for readers that reconnect (10000)', parseCount)
    .option('--max-series <n>', 'instances with metrics of their own (1000)', parseSeries)
    .option('--interval <ms>', 'between heartbeats, where a node does not say (1000)', parseMs)
    .option('--ttl <ms>', 'a lease without a heartbeat, where a node does not say', parseMs)
    .option('--gone-after <ms>', 'silent for so long, removed in any case', parseMs)
    .option('--threshold <phi>', 'φ at which a signal is missing (8)', parsePhi)
    .option('--max-mistakes <rate>', 'tolerated instead of a threshold, e.g. 1/day', parseRate)
    .option('--pause <ms>', 'a silence that is always tolerated (0)', parsePause)
    .option('--panic <percent>', 'fewer available: route to all (50); 0 never', parsePercent)
    .addOption(
      new Option('--panic-route <whom>', 'whom a panic routes to (all)').choices(['all', 'none']),
    )
    .option('--removal <ms>', 'between sweeps that remove whose lease has run out', parseMs)
    .option('--warm-up <ms>', 'learning from the start on, at most so long; 0 never', parseSpan)
    .option('--slow-start <ms>', 'a weight rises for so long (30000); 0 not', parseSpan)
    .option('--ejection <ms>', 'out for so long after a reported failure (30000)', parseSpan)
    .option('--max-ejection <ms>', 'out for so long at most (300000)', parseSpan)
    .option('--restart-delay <ms>', 'before a restart is asked for (1000); doubles', parseSpan)
    .option('--max-restart-delay <ms>', 'the longest of these (300000)', parseSpan)
    .option('--probe <how>', 'poll the instances: http, http:/path or tcp', parseProbe)
    .option('--probe-interval <ms>', 'between polls of one (10000)', parseMs)
    .option('--probe-allow <network...>', 'whom polls may connect to; default who registered')
    .option('--drain <ms>', 'go on for so long when told to end, not ready', parseDrain, 250)
    .option('--for <seconds>', 'end by itself', parseSeconds)
    .addHelpText(
      'after',
      '\nTokens may be given by PHI_ACCRUAL_NODE_TOKEN, _READER_TOKEN and _OPERATOR_TOKEN as well.',
    )
    .action(async (options: ServeOptions) => {
      // No other command waits for a web server to be loaded.
      const { serveRegistry } = await import('./serve-registry.js');
      await serveRegistry(options);
    });
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
