/** Probes without sockets, and time that goes on in a world of our own. */
import type { Health } from '../../src/health/index.js';
import type { Loop } from '../support/loop.js';

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

export async function get(health: Health, path: string, method = 'GET'): Promise<Answer> {
  const response = await health.fetch(new Request(`http://localhost${path}`, { method }));
  return { status: response.status, body: await response.text(), headers: response.headers };
}

/** All that promises do now; longer chains than any of ours. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

/** Runs a world until `end` in steps, with what promises do in each. */
export async function run(world: Loop, end: number, step = 100): Promise<void> {
  while (world.now() < end) {
    world.runUntil(Math.min(world.now() + step, end));
    await settle();
  }
}

/** A promise that is settled by hand. */
export function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason?: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
