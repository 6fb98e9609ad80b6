/** `phi-accrual beat --registry`: instances that register and beat by both signals. */
import { hostname } from 'node:os';
import { beatFromNode, type HeldLease } from '../registry/index.js';
import type { BeatOptions } from './beat-options.js';
import { printable } from './format.js';
import { registerAt } from './registering.js';

const log = (line: string) => void process.stderr.write(`phi-accrual: ${printable(line, ' ')}\n`);

/** Beats until `end` resolves, and then leaves; ends at once if all its ids were taken over. */
export async function beatAt(
  options: BeatOptions & { url: string; service: string },
  end: () => Promise<void>,
): Promise<void> {
  const { url, service, address = hostname(), by, interval } = options;
  const stop = new AbortController();
  const held: HeldLease[] = [];
  const hold = async (id: string) => {
    const request = { id, service, address, heartbeatInterval: interval, beat: by } as const;
    const lease = await registerAt(url, { ...request, keepAlive: true, signal: stop.signal }, log);
    held.push(lease);
    if (by === 'udp') beatFromNode(lease);
    await new Promise((resolve) => lease.ended.addEventListener('abort', resolve));
  };
  const all = Promise.all(options.id.map(hold));
  // While the registry is away nothing else keeps this process alive.
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    await Promise.race([end(), all]);
  } finally {
    clearInterval(alive);
    const left = await Promise.allSettled(held.map((lease) => lease.deregister()));
    for (const each of left) if (each.status === 'rejected') log(`${url}: ${each.reason.message}`);
    stop.abort();
    await all.catch(() => {}); // told by the race, or the end of a registration that was given up
  }
}
