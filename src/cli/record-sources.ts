/** Where `record` gets its rows: from heartbeats at a UDP port, or from pings. */
import { HeartbeatRecorder } from '../lab/record/heartbeat-recorder.js';
import { httpPing } from '../lab/record/http-ping.js';
import { icmpPing } from '../lab/record/icmp-ping.js';
import { type Ping, PingRecorder } from '../lab/record/ping-recorder.js';
import type { WriteRow } from '../lab/record/row.js';
import { tcpPing } from '../lab/record/tcp-ping.js';
import { parseTarget } from '../sources/target.js';
import { listenUdp } from '../sources/udp.js';
import { asUsage, parseUrl, UsageError } from './arguments.js';
import { counted, describeSystemError, printable } from './format.js';

/** Pings if one of `http`, `tcp` and `icmp` is given. */
export interface SourceOptions {
  port: number;
  host: string;
  maxPeers: number;
  http?: string;
  head?: boolean;
  tcp?: string;
  icmp?: string;
  interval?: number;
  timeout?: number;
}

/** Opened, and silent until it is started. */
export interface RecordSource {
  /** What is recorded, as `udp 127.0.0.1:7946`. */
  readonly name: string;
  start(write: WriteRow, log: { log(line: string): void }): void;
  /** How things are, in one line. */
  line(): string;
  /** What the summary tells beside that. */
  details(): string[];
  close(): Promise<void> | void;
}

const INTERVAL = 1000;
const TIMEOUT = 5000;

/** Opens what the options ask for. @throws UsageError for what cannot be had */
export async function openSource(options: SourceOptions): Promise<RecordSource> {
  const { http, tcp, icmp } = options;
  if (http !== undefined) {
    const url = parseUrl('--http', http);
    const { ping, close } = httpPing(url, options.head ? 'HEAD' : 'GET');
    // Neither a password nor a token in a query is written into a file that may be passed on.
    return pings(`${url.origin}${url.pathname}`, ping, options, close);
  }
  if (tcp !== undefined) {
    const { host, port } = asUsage(() => parseTarget('--tcp', tcp));
    return pings(tcp, tcpPing(host, port), options);
  }
  if (icmp !== undefined) {
    const ping = await icmpPing(icmp).catch((error: Error) => {
      throw new UsageError(`--icmp ${printable(icmp)}: ${error.message}`);
    });
    return pings(icmp, ping, options);
  }
  return heartbeats(options);
}

function pings(
  target: string,
  ping: Ping,
  { interval = INTERVAL, timeout = TIMEOUT }: SourceOptions,
  close = () => {},
): RecordSource {
  let recorder: PingRecorder | undefined;
  return {
    name: `pings to ${printable(target)} every ${interval} ms`,
    start(write) {
      recorder = new PingRecorder(target, ping, write, { interval, timeout });
    },
    line() {
      const { sent = 0, answered = 0, lost = 0 } = recorder?.counts ?? {};
      return `${counted(sent, 'ping')} · ${answered} answered · ${lost} lost`;
    },
    details() {
      const { kinds = [], reasons = [] } = recorder?.counts ?? {};
      return [listed('answers', [...kinds]), listed('lost', [...reasons])].flat();
    },
    close() {
      recorder?.stop();
      close();
    },
  };
}

async function heartbeats({ port, host, maxPeers }: SourceOptions): Promise<RecordSource> {
  let recorder: HeartbeatRecorder | undefined;
  let log = (_line: string) => {};
  const sink = {
    now: () => performance.now(),
    heartbeat: (...heard: Parameters<HeartbeatRecorder['heartbeat']>) =>
      recorder?.heartbeat(...heard),
    link: () => ({
      down: () => log('the port was lost: heartbeats are not recorded until it is opened anew'),
      up: () => log('the port is open again'),
    }),
  };
  const listener = await listenUdp(sink, { port, address: host }).catch((error: unknown) => {
    throw new UsageError(describeSystemError(error, `${host}:${port}`));
  });
  return {
    name: `heartbeats on udp ${listener.address}:${listener.port}`,
    start(write, screen) {
      recorder = new HeartbeatRecorder(write, maxPeers);
      log = (line) => screen.log(line);
    },
    line() {
      const { heartbeats = 0, peers = 0, sessions = 0, lost = 0 } = recorder?.counts ?? {};
      return [
        counted(heartbeats, 'heartbeat'),
        counted(peers, 'peer'),
        counted(sessions, 'session'),
        `${lost} lost`,
      ].join(' · ');
    },
    details() {
      const { duplicates = 0, stale = 0, refused = 0 } = recorder?.counts ?? {};
      const { malformed } = listener.stats;
      return listed('dropped', [
        ['duplicates', duplicates],
        ['of an earlier incarnation', stale],
        ['of more peers than --max-peers', refused],
        ['malformed datagrams', malformed],
      ]);
    },
    close() {
      log = () => {};
      return listener.close();
    },
  };
}

/** One line with what there was at all, else none. */
function listed(title: string, counts: [string, number][]): string[] {
  const some = counts.filter(([, n]) => n > 0);
  if (some.length === 0) return [];
  return [`${title}: ${some.map(([what, n]) => `${n} ${printable(what, ' ')}`).join(', ')}`];
}
