/** The work of `phi-accrual serve`. */
import { readTokens, StateError, startService, type Tokens } from '../registry/service/index.js';
import { UsageError } from './arguments.js';
import { ended } from './ending.js';
import { describeSystemError, printable } from './format.js';
import type { ServeOptions } from './serve-options.js';

function tokensOf(file: string | undefined): Tokens {
  try {
    return readTokens(file, process.env);
  } catch (error) {
    throw new UsageError(`--tokens: ${(error as Error).message}`);
  }
}

function tlsOf({ tlsCert: cert, tlsKey: key }: ServeOptions) {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new UsageError('serve: --tls-cert and --tls-key belong together');
  }
  return { cert, key };
}

/** Runs the service until it is to end; its address is the first line on the screen. */
export async function serveRegistry(options: ServeOptions): Promise<void> {
  const { host, port, udp, udpPort, state, allowHost, allowOrigin, maxInstances } = options;
  const service = await startService({
    host,
    port,
    udpPort: udp && udpPort,
    state,
    tokens: tokensOf(options.tokens),
    tls: tlsOf(options),
    allowHosts: allowHost,
    allowOrigins: allowOrigin,
    registry: { maxInstances },
    onNotice: ({ message, error, kind }) => {
      const text = kind === 'error' ? (error?.stack ?? message) : printable(message, ' ');
      process.stderr.write(`phi-accrual: ${text}\n`);
    },
  }).catch((error: NodeJS.ErrnoException) => {
    const usage = error instanceof TypeError || error instanceof RangeError;
    if (usage || error instanceof StateError) throw new UsageError(error.message);
    if (error.code === undefined) throw error;
    throw new UsageError(describeSystemError(error, `${host}:${port}`));
  });
  process.stdout.write(`${service.url}\n`);
  const heartbeats =
    service.udpPort === null ? 'no heartbeats by udp' : `udp port ${service.udpPort}`;
  const kept = state === undefined ? 'no state file: a restart forgets all' : `state in ${state}`;
  process.stdout.write(
    `heartbeats: ${heartbeats} · ${kept} · ${service.registry.size} instances\n`,
  );
  try {
    await ended(options.for);
  } finally {
    await service.close();
  }
}
