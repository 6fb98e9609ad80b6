/** Beats on behalf of a child that cannot beat itself. */
import { httpPing } from '../../lab/record/http-ping.js';
import type { Ping } from '../../lab/record/ping-recorder.js';
import { tcpPing } from '../../lab/record/tcp-ping.js';
import { parseTarget } from '../../sources/target.js';
import { type TurnHost, Turns } from '../../sources/turns.js';
import { asUsage } from '../arguments.js';
import { parseUrl } from '../recording-sources.js';
import type { RunOptions } from './options.js';

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
export function probeOf({ http, tcp }: RunOptions): Probe | undefined {
  if (http !== undefined) {
    const { ping, close } = httpPing(parseUrl(http), 'GET');
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
