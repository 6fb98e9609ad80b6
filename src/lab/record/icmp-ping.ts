/** ICMP echoes through the system's `ping`: raw sockets need rights that Node does not have. */
import { spawn } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import type { Ping } from './ping-recorder.js';

/**
 * The longest that every `ping` waits for an answer to its last echo without being told to, in ms;
 * the flag for it has three meanings.
 */
export const LONGEST_ICMP_TIMEOUT = 10_000;

const TRIAL = 3000;

/**
 * The round-trip time in ms that one line of a `ping` tells; undefined for all other lines, of
 * which some have a number and a time too.
 *
 *     64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.34 ms       iputils, macOS, BSD, inetutils
 *     64 bytes from 192.0.2.1: seq=0 ttl=64 time=0.199 ms           busybox
 *     16 bytes from ::1, icmp_seq=0 hlim=64 time=0.433 ms           ping6 of macOS and BSD
 */
export function roundTripOf(line: string): number | undefined {
  const match =
    /^\d+ bytes from [^ ].*[:,] (?:icmp_)?seq=\d+ .*\btime[=<](\d+(?:[.,]\d+)?) ?ms/.exec(line);
  return match === null ? undefined : Number(match[1].replace(',', '.'));
}

/** macOS and the BSDs have a command of its own for IPv6. */
function commandFor(address: string): string {
  return isIPv6(address) && process.platform !== 'linux' ? 'ping6' : 'ping';
}

/** One echo by one `ping`: overlapping ones cannot be confused. */
function echo(address: string, signal: AbortSignal): ReturnType<Ping> {
  const askedAt = performance.now();
  return new Promise((resolve, reject) => {
    // Other locales translate what is parsed here.
    const env = { ...process.env, LC_ALL: 'C' };
    const stdio = ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'];
    const child = spawn(commandFor(address), ['-n', '-c', '1', address], { env, stdio, signal });
    let said = '';
    let complaint = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const at = performance.now();
      said += text;
      // A line that is not complete may lack digits.
      const lines = said.split('\n').slice(0, -1);
      const roundTrip = lines.map(roundTripOf).find((each) => each !== undefined);
      if (roundTrip !== undefined) resolve({ at, sentAt: Math.max(at - roundTrip, askedAt) });
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    child.once('error', reject);
    child.once('close', () => {
      reject(new PingError(reasonFor(said, complaint), complaint));
    });
  });
}

/** A `ping` that ended without an answer. */
class PingError extends Error {
  /** What it wrote to stderr. */
  readonly complaint: string;

  constructor(message: string, complaint: string) {
    super(message);
    this.complaint = complaint;
  }
}

/** Why there was no answer, without what differs from ping to ping. */
function reasonFor(said: string, complaint: string): string {
  const unreachable = /Destination [A-Za-z -]*[a-z]|Time to live exceeded|unreachable/i.exec(said);
  const last = complaint.trim().split('\n').at(-1) ?? '';
  return unreachable?.[0] ?? (last.replace(/^\S*ping6?: /, '') || 'no answer');
}

/**
 * Pings the address that `host` has now. A `ping` is tried on the loopback first: what is wrong
 * with the command is told at once, and not counted as loss.
 *
 * @throws Error (as a rejection) when the host is not found, when there is no `ping`, or when it
 * is not permitted
 */
export async function icmpPing(host: string): Promise<Ping> {
  const { address } = await lookup(host);
  const command = commandFor(address);
  try {
    await echo(isIPv6(address) ? '::1' : '127.0.0.1', AbortSignal.timeout(TRIAL));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new Error(`there is no command ${command} on this system`);
    }
    // A loopback that answers no echo is a firewall's doing, and says nothing of the host.
    const complaint = error instanceof PingError ? error.complaint.trim() : '';
    if (complaint !== '')
      throw new Error(`${command} failed: ${complaint.replace(/\s*\n\s*/g, '; ')}`);
  }
  return (signal) => echo(address, signal);
}
