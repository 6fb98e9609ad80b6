/** The registry as a service: HTTP, UDP, state, health, and the page. */
import { randomBytes } from 'node:crypto';
import type { Health } from '../../health/index.js';
import type { Registry } from '../registry.js';
import { AgentCheck } from './agent-check.js';
import { createApp } from './app.js';
import { Beats } from './beats.js';
import type { ServiceContext } from './context.js';
import { type DatagramStats, Datagrams } from './datagrams.js';
import { Rejections } from './errors.js';
import { EventStreams } from './event-streams.js';
import { fastBeats } from './fast-beats.js';
import { ServiceHealth } from './health.js';
import { KeptRegistry } from './kept-registry.js';
import { createMetrics } from './metrics.js';
import {
  type ResolvedServiceOptions,
  resolveServiceOptions,
  type ServiceOptions,
} from './options.js';
import { readPageFiles } from './page-files.js';
import { Probing } from './probing.js';
import { SignInRates } from './rates.js';
import { ReadingClock } from './reading-clock.js';
import { HttpServer } from './server.js';
import { Sessions } from './sessions.js';

/** So long after its start, in ms, a registry that does not know what it knew may be learning. */
const WARM_UP = 30_000;

/** A service that runs. */
export interface RegistryService {
  /** Where HTTP is, as `http://127.0.0.1:7946`. */
  readonly url: string;
  /** Where heartbeats go; null for nowhere. */
  readonly udpPort: number | null;
  /** Where HAProxy's agent checks go; null for nowhere. */
  readonly agentPort: number | null;
  /** Of this start: 16 hexadecimal digits, as signed datagrams carry it. */
  readonly epoch: string;
  readonly registry: Registry;
  /** Datagrams so far, and those that were dropped, by reason; null without a UDP port. */
  readonly datagrams: DatagramStats | null;
  /** Targets of the prober, and polls by outcome; null where nobody is polled. */
  readonly probes: Probing['stats'] | null;
  /** What `/livez` and `/readyz` answer; checks of one's own may be added. */
  readonly health: Health;
  /** Answers a request without a socket. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** Ends it within two seconds, the state saved. */
  close(): Promise<void>;
}

/** The parts in the order of their start; they end in the opposite one. */
class Parts {
  readonly #ends: (() => unknown)[] = [];
  #ended: Promise<void> | undefined;

  add(end: () => unknown): void {
    this.#ends.unshift(end);
  }

  end(): Promise<void> {
    this.#ended ??= (async () => {
      for (const end of this.#ends) await end();
    })();
    return this.#ended;
  }
}

async function start(options: ResolvedServiceOptions, parts: Parts): Promise<RegistryService> {
  const { tokens, hosts, askers, time, onNotice, demo, maxSeries, tls, host } = options;
  // Times of another clock cannot be told by a thread.
  const clock = options.registry.clock === undefined ? new ReadingClock() : undefined;
  const kept = await KeptRegistry.load(
    clock ? { ...options, registry: { ...options.registry, clock } } : options,
  );
  parts.add(() => kept.close());
  const { registry } = kept;
  const epoch = randomBytes(8).toString('hex');
  const rejections = new Rejections();
  const { maxStreams: most, maxStreamBytes: partBytes, wall } = options;
  const streams = new EventStreams({ registry, epoch, most, partBytes, host: time, wall });
  let datagrams: Datagrams | undefined;
  let probing: Probing | undefined;
  const health = new ServiceHealth({
    registry,
    host: time,
    wall,
    datagrams: () => datagrams,
    state: () => kept.state,
  });
  parts.add(() => health.close());
  const metrics = createMetrics({
    registry,
    streams,
    rejections,
    health: health.health,
    datagrams: () => datagrams,
    state: () => kept.state,
    damage: () => kept.damage.length,
    probing: options.probe && (() => probing),
    maxSeries,
  });
  const link = registry.link();
  const startedAt = time.now();
  const { warmUp } = options.registry;
  // Whose state was read whole has known all that there were.
  if (warmUp === undefined && !kept.isWhole) registry.learn(WARM_UP);
  const onUnknownBeat = () => {
    const left = startedAt + WARM_UP - time.now();
    if (warmUp === undefined && !kept.isWhole && left > 0) registry.learn(left);
  };
  const context: ServiceContext = {
    registry,
    onUnknownBeat,
    link,
    epoch,
    tokens,
    sessions: new Sessions(time.now),
    guesses: new SignInRates(),
    hosts,
    askers,
    rejections,
    streams,
    maxBodyBytes: options.maxBodyBytes,
    secure: tls !== undefined,
    registersFrom: (about, address) => probing?.note(about, address),
    demo,
    udpPort: () => datagrams?.port ?? null,
    durable: kept.durable,
    writable: kept.writable,
    files: readPageFiles(options.dashboard),
    metrics,
    probe: health.health.fetch,
    onError: (error) => onNotice({ kind: 'error', message: error.message, error }),
  };
  const beats = new Beats(context);
  const app = createApp(context, beats);
  // Before HTTP, by which those who register are told the port.
  if (options.udpPort !== false) {
    datagrams = await Datagrams.open({
      registry,
      epoch,
      unsigned: !tokens.required,
      port: options.udpPort,
      address: host,
      note: (id) => streams.note(id),
      onUnknownBeat,
      thread: clock !== undefined,
      ...(options.registry.heartbeatInterval && { grace: options.registry.heartbeatInterval }),
      host: time,
    });
    if (clock) clock.reader = datagrams;
    parts.add(() => datagrams?.close());
  }
  // Before the first write: a second registry on this port and state ends here.
  const server = await HttpServer.listen(
    app,
    { ...options, rejections, onError: context.onError },
    (general) => fastBeats(context, beats, general),
  );
  parts.add(() => server.close());
  parts.add(() => streams.close());
  await kept.begin();
  registry.begin();
  const agent =
    options.agentCheck === undefined
      ? undefined
      : await AgentCheck.listen(registry, host, options.agentCheck);
  parts.add(() => agent?.close());
  if (options.probe) {
    probing = new Probing(registry, options.probe, options.registry.clock);
    parts.add(() => probing?.close());
  }
  health.begin();
  parts.add(async () => {
    health.shutdown();
    // Of those who have noticed that it ends nobody is to be suspected for it, nor saved as dead.
    link.down();
    datagrams?.deafen();
    if (options.drain > 0)
      await new Promise((resolve) => time.setTimeout(() => resolve(0), options.drain));
  });
  return {
    url: server.url,
    udpPort: datagrams?.port ?? null,
    agentPort: agent?.port ?? null,
    epoch,
    registry,
    get probes() {
      return probing?.stats ?? null;
    },
    get datagrams() {
      return datagrams?.stats ?? null;
    },
    health: health.health,
    fetch: (request) => app.fetch(request),
    close: () => parts.end(),
  };
}

/**
 * Starts the registry's service.
 *
 * @throws TypeError, RangeError (as rejections) that name the option; StateError for what is
 * no state, or, with `refuseDamagedState`, is damaged: it is left as it is; the system's error if a port or a file cannot be had
 */
export async function startService(given?: ServiceOptions): Promise<RegistryService> {
  const options = resolveServiceOptions(given);
  const { signal } = options;
  const parts = new Parts();
  const abort = () => void parts.end();
  try {
    signal?.throwIfAborted();
    const service = await start(options, parts);
    signal?.addEventListener('abort', abort, { once: true });
    parts.add(() => signal?.removeEventListener('abort', abort));
    if (signal?.aborted) await parts.end();
    return service;
  } catch (error) {
    await parts.end();
    throw error;
  }
}
