/** The process signal: beats from a thread of its own. */
import { isIPv6 } from 'node:net';
import { Worker } from 'node:worker_threads';
import { encodeBeat, keyOf } from '../../sources/udp-signed.js';
import { beatInThread, type WorkerOrder } from './process-worker.js';
import type { Credentials } from './signed-beats.js';

const TAG_BYTES = 16;

/** A thread that beats for the process until closed; it does not keep the process alive. */
export class ProcessBeats {
  readonly #worker: Worker;
  #target: { host: string; port: number };
  readonly #interval: number;
  #generation: number | undefined;

  constructor(
    target: { host: string; port: number },
    interval: number,
    credentials: Credentials,
    onError: (error: Error) => void,
  ) {
    this.#target = target;
    this.#interval = interval;
    // No flags and no NODE_OPTIONS: what is preloaded is for the program, not for this thread.
    this.#worker = new Worker(`(${beatInThread})(require)`, { eval: true, execArgv: [], env: {} });
    this.#worker.on('error', onError);
    this.#worker.on('message', (message: string) => onError(new Error(message)));
    this.#worker.unref();
    this.use(credentials);
  }

  /** Beats by these from now on. */
  use(credentials: Credentials, target = this.#target): void {
    this.#target = target;
    const { secret, ...named } = credentials;
    const key = keyOf(secret);
    const said = { signal: 'process', ready: true, ackWanted: false } as const;
    const datagram = encodeBeat({ ...named, ...said, sequence: 0 }, key);
    const order: WorkerOrder = {
      head: datagram.subarray(0, -TAG_BYTES),
      key,
      anew: named.generation !== this.#generation,
      ...this.#target,
      ipv6: isIPv6(this.#target.host),
      interval: this.#interval,
    };
    this.#generation = named.generation;
    this.#worker.postMessage(order);
  }

  /** Ends the thread, for good. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
