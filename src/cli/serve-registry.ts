/** The work of `phi-accrual serve`. */
import { dirname, resolve } from 'node:path';
import { readTokens, StateError, startService, type Tokens } from '../registry/service/index.js';
import { UsageError } from './arguments.js';
import { ended } from './ending.js';
import { describeSystemError, printable, printableError } from './format.js';
import { ofFlag, type ServeOptions, serviceOptionsOf } from './serve-flags.js';

function tokensOf(file: string | undefined): Tokens {
  try {
    return readTokens(file, process.env);
  } catch (error) {
    throw new UsageError(`--tokens: ${(error as Error).message}`);
  }
}

/** What could not be had: a socket's error names where it was to be, a file's its path. */
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
export async function serveRegistry(options: ServeOptions): Promise<void> {
  const { state } = options;
  const wanted = { ...serviceOptionsOf(options), tokens: tokensOf(options.tokens) };
  let failed = () => {};
  const failure = new Promise<void>((resolve) => {
    failed = resolve;
  });
  // Before the first line: who reads that may tell it to end at once.
  const end = ended(options.for, failure);
  const service = await startService({
    ...wanted,
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
  process.stdout.write(`${service.url}\n`);
  const heartbeats =
    service.udpPort === null ? 'no heartbeats by udp' : `udp port ${service.udpPort}`;
  const agent = service.agentPort === null ? '' : ` · agent checks: port ${service.agentPort}`;
  const kept = state === undefined ? 'no state file: a restart forgets all' : `state in ${state}`;
  process.stdout.write(
    `heartbeats: ${heartbeats}${agent} · ${kept} · ${service.registry.size} instances\n`,
  );
  try {
    await end;
  } finally {
    await service.close();
  }
}
