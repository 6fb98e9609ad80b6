/** What beats in a thread of its own, so that a main loop that is blocked does not silence it. */

/** What the thread is told: at first, and whenever generation, secret or epoch are new. */
export interface WorkerOrder {
  /** A beat with sequence 0 without its tag: magic to epoch. */
  readonly head: Uint8Array;
  readonly key: Uint8Array;
  /** Numbers of beats begin anew. */
  readonly anew: boolean;
  readonly host: string;
  readonly port: number;
  readonly ipv6: boolean;
  readonly interval: number;
}

type Load = (name: string) => unknown;

/**
 * The whole program of the thread. It is handed over as text, so that it survives every bundler: a
 * file of its own would have to be found beside a bundle that was made of ours, and there is no
 * form of its address that ESM, CommonJS and all bundlers understand. Therefore it uses nothing from
 * outside, and has no named function within: bundlers that keep names would wrap those in a helper
 * that is not there.
 */
export function beatInThread(load: Load): void {
  const threads = load('node:worker_threads') as typeof import('node:worker_threads');
  const crypto = load('node:crypto') as typeof import('node:crypto');
  const dgram = load('node:dgram') as typeof import('node:dgram');
  const state = {
    order: undefined as WorkerOrder | undefined,
    socket: undefined as import('node:dgram').Socket | undefined,
    head: Buffer.alloc(0),
    sequence: 0,
    answered: 0,
    start: 0,
    turn: 0,
    take(order: WorkerOrder) {
      const first = state.order === undefined;
      state.order = order;
      state.head = Buffer.from(order.head);
      if (order.anew) state.sequence = state.answered = 0;
      if (!first) return;
      state.socket = dgram.createSocket(order.ipv6 ? 'udp6' : 'udp4');
      state.socket.on('error', (error) => threads.parentPort?.postMessage(error.message));
      state.socket.on('message', (datagram) => state.read(datagram));
      state.start = performance.now();
      state.beat();
    },
    tag(bytes: Uint8Array) {
      const { key } = state.order as WorkerOrder;
      return crypto.createHmac('sha256', key).update(bytes).digest().subarray(0, 16);
    },
    beat() {
      const { host, port, interval } = state.order as WorkerOrder;
      const { head } = state;
      state.sequence++;
      head.writeUIntBE(state.sequence, head.length - 14, 6);
      state.socket?.send(Buffer.concat([head, state.tag(head)]), port, host, (error) => {
        if (error) threads.parentPort?.postMessage(error.message);
      });
      const passed = Math.floor((performance.now() - state.start) / interval);
      state.turn = Math.max(state.turn, passed) + 1;
      const due = state.start + state.turn * interval;
      setTimeout(() => state.beat(), Math.max(due - performance.now(), 0));
    },
    // All that it looks for is a new epoch: the rest is for the lease, on the main loop.
    read(answer: Buffer) {
      const { head } = state;
      const end = head.length;
      if (answer.length !== end + 16 || answer[3] !== 2 || answer[4] !== 3) return;
      if (!answer.subarray(5, end - 14).equals(head.subarray(5, end - 14))) return;
      const sequence = answer.readUIntBE(end - 14, 6);
      if (sequence <= state.answered || sequence > state.sequence) return;
      if (!crypto.timingSafeEqual(state.tag(answer.subarray(0, end)), answer.subarray(end))) return;
      state.answered = sequence;
      answer.copy(head, end - 8, end - 8, end);
    },
  };
  threads.parentPort?.on('message', (order: WorkerOrder) => state.take(order));
}
