/**
 * Who sends heartbeats for the command: Node for itself, the supervisor when a probe is answered, and
 * a witness that shows that the supervisor itself can hear.
 */
import { basename } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { httpPing } from '../../lab/record/http-ping.js';
import type { Ping } from '../../lab/record/ping-recorder.js';
import { tcpPing } from '../../lab/record/tcp-ping.js';
import type { Registry } from '../../registry/index.js';
import { parseTarget } from '../../sources/target.js';
import { type TurnHost, Turns } from '../../sources/turns.js';
import { asUsage, parseUrl } from '../arguments.js';
import { ORDER, type RunOrder } from './order.js';

/** Beside this file in dist. */
const PRELOAD = fileURLToPath(new URL('./run-preload.cjs', import.meta.url));

/**
 * Required and not imported: `--import` makes Node load the program as a module, so that what hooks
 * into `require`, as TypeScript's and Babel's registers do, would never see it.
 */
const PRELOADED = `--require "${PRELOAD.replace(/[\\"]/g, '\\$&')}"`;

/** Whether a command is Node itself, which can be made to beat for itself. */
export const isNode = (command: string): boolean =>
  fileURLToPath(pathToFileURL(process.execPath)) === command ||
  /^(node|nodejs)(\.exe)?$/.test(basename(command));

/** The environment in which Node loads what beats. */
export function beatingEnvironment(order: Omit<RunOrder, 'nodeOptions'>): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: nodeOptions } = process.env;
  return {
    [ORDER]: JSON.stringify({ ...order, nodeOptions } satisfies RunOrder),
    NODE_OPTIONS: nodeOptions === undefined ? PRELOADED : `${nodeOptions} ${PRELOADED}`,
  };
}

export interface Probe {
  /** Whether the service answered, and well. */
  ask(signal: AbortSignal): Promise<boolean>;
  close(): void;
}

const isGood = (kind: string | undefined): boolean =>
  kind === undefined || /^status [23]/.test(kind);

function probeBy(ping: Ping, close = () => {}): Probe {
  const ask = (signal: AbortSignal) =>
    ping(signal).then(
      ({ kind }) => isGood(kind),
      () => false, // why is of no use here: what is missing is the answer
    );
  return { ask, close };
}

/** @throws UsageError for a URL or target that is none */
export function probeOf(http: string | undefined, tcp: string | undefined): Probe | undefined {
  if (http !== undefined) {
    const { ping, close } = httpPing(parseUrl('--http', http), 'GET');
    return probeBy(ping, close);
  }
  if (tcp === undefined) return undefined;
  const { host, port } = asUsage(() => parseTarget('--tcp', tcp));
  return probeBy(tcpPing(host, port));
}

/** Asks at every turn, one question at a time, and calls `heard` at each good answer. */
export function probing(probe: Probe, interval: number, heard: () => void, host: TurnHost): Turns {
  let open = false;
  const turns = new Turns(
    async () => {
      if (open) return;
      open = true;
      if (await probe.ask(AbortSignal.timeout(Math.max(interval, 1000)))) heard();
      open = false;
    },
    { interval, host },
  );
  turns.start();
  return turns;
}

const WITNESS = '(supervisor)';

/**
 * Registers this process as a member of the same service, and beats for it until the turns are
 * closed. Where one is alone and falls silent, everybody is down, which speaks against the observer,
 * and for no restart; that it hears itself shows that it is not the observer.
 */
export function witness(
  registry: Registry,
  service: string,
  interval: number,
  host: TurnHost,
): Turns {
  const { generation } = registry.register({ id: WITNESS, service, address: '-' });
  const turns = new Turns(() => void registry.heartbeat(WITNESS, { generation }), {
    interval,
    host,
  });
  turns.start();
  return turns;
}
