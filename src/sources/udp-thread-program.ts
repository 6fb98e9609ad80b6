/** What reads a UDP port in a thread of its own, so that a busy main loop loses no datagram. */

import type { RingMemory } from './datagram-ring.js';

/** What the thread is told at its start. */
export interface ThreadOrder {
  readonly port: number;
  readonly address: string;
  readonly ipv6: boolean;
  readonly recvBufferSize: number;
  /** Where it writes what it reads; the main loop's end is `DatagramRing`. */
  readonly ring: RingMemory;
}

/** What the thread is asked for. */
export type ThreadRequest =
  | { readonly send: readonly (readonly [datagram: Uint8Array, port: number, address: string])[] }
  | { readonly turn: number }
  | { readonly clock: true };

/** What of an error of the system goes from one thread to another. */
export interface SystemError {
  readonly message: string;
  readonly code?: string | undefined;
  readonly syscall?: string | undefined;
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}

/** What the thread says. */
export type ThreadNews =
  | { readonly bound: { address: string; port: number }; readonly granted: number }
  | { readonly failed: SystemError }
  | { readonly woken: true }
  | { readonly overflowed: number }
  | { readonly turned: number }
  | { readonly unsent: number }
  | { readonly clock: number };

type Load = (name: string) => unknown;

/**
 * The whole program of the thread, handed over as text: see client/process-worker.ts for why, and
 * for what it must not use.
 */
export function receiveInThread(load: Load): void {
  const threads = load('node:worker_threads') as typeof import('node:worker_threads');
  const dgram = load('node:dgram') as typeof import('node:dgram');
  const fs = load('node:fs') as typeof import('node:fs');
  const order = threads.workerData as ThreadOrder;
  const parent = threads.parentPort as import('node:worker_threads').MessagePort;
  const ring = Buffer.from(order.ring.entries);
  const times = new Float64Array(order.ring.entries);
  const words = new Uint16Array(order.ring.entries);
  const [WRITTEN, TAKEN, SLEEPS] = [0, 1, 2];
  const shared = new Int32Array(order.ring.state);
  const state = {
    socket: dgram.createSocket({
      type: order.ipv6 ? 'udp6' : 'udp4',
      recvBufferSize: order.recvBufferSize,
    }),
    written: shared[WRITTEN],
    received: 0,
    seen: 0,
    before: -1,
    turn: -1,
    refused: 0,
    overflowed: 0,
    inode: '',
    known: new Set<string>(),
    post(news: ThreadNews) {
      parent.postMessage(news);
    },
    read(datagram: Buffer, port: number, address: string) {
      state.received++;
      const { length } = datagram;
      const size = (16 + address.length + length + 7) & ~7;
      const left = ring.length - (state.written & (ring.length - 1));
      const skipped = left < size ? left : 0; // an entry is in one piece
      const waiting = (state.written - Atomics.load(shared, TAKEN)) >>> 0;
      if (waiting > order.ring.most || waiting + skipped + size > ring.length) {
        state.refused++;
        return;
      }
      if (skipped > 0) times[(ring.length - left) / 8] = -1;
      const at = (state.written + skipped) & (ring.length - 1);
      times[at / 8] = performance.now();
      words[at / 2 + 4] = length;
      words[at / 2 + 5] = port;
      words[at / 2 + 6] = address.length;
      ring.write(address, at + 16, 'latin1');
      datagram.copy(ring, at + 16 + address.length);
      state.written = (state.written + skipped + size) | 0;
      Atomics.store(shared, WRITTEN, state.written);
      if (Atomics.load(shared, SLEEPS) === 1 && Atomics.exchange(shared, SLEEPS, 0) === 1) {
        state.post({ woken: true });
      }
    },
    // Of all that waited when it was asked: libuv reads 32 in a round, or all that there are. The
    // first round may have begun before.
    round() {
      if (state.before < 0 || state.received - state.before >= 32) {
        state.before = state.received;
        setImmediate(state.round);
        return;
      }
      state.look();
      state.post({ turned: state.turn });
      state.turn = -1;
    },
    take(request: ThreadRequest) {
      if ('clock' in request) {
        state.post({ clock: performance.now() });
        return;
      }
      if ('turn' in request) {
        const waits = state.turn >= 0;
        state.turn = request.turn;
        state.before = -1;
        if (!waits) setImmediate(state.round);
        return;
      }
      for (const [datagram, port, address] of request.send) {
        state.socket.send(datagram, port, address, (error) => {
          if (error) state.post({ unsent: 1 });
        });
      }
    },
    // Inodes of the sockets of this process; none on a system that does not tell.
    sockets() {
      const inodes = new Set<string>();
      try {
        for (const fd of fs.readdirSync('/proc/self/fd')) {
          try {
            const inode = /^socket:\[(\d+)\]$/.exec(fs.readlinkSync(`/proc/self/fd/${fd}`))?.[1];
            if (inode !== undefined) inodes.add(inode);
          } catch {
            // closed meanwhile
          }
        }
      } catch {
        // no such folder
      }
      return inodes;
    },
    // The system's list of UDP sockets: their local addresses, inodes, and datagrams dropped.
    table() {
      const text = fs.readFileSync(order.ipv6 ? '/proc/net/udp6' : '/proc/net/udp', 'latin1');
      return text.split('\n').map((line) => {
        const columns = line.trim().split(/\s+/);
        const [local = '', inode = ''] = [columns[1], columns[9]];
        return { local, inode, dropped: Number(columns[12]) };
      });
    },
    // Others may have this port at other addresses, and their losses are none of ours: our socket is
    // the one that this process has of it, and had not when the thread began.
    find(address: string, port: number) {
      try {
        const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
        const ours = state.sockets();
        const found = state.table().filter(({ local, inode }) => {
          return local.endsWith(end) && ours.has(inode) && !state.known.has(inode);
        });
        const octets = order.ipv6 ? [] : address.split('.').reverse();
        const hex = octets.map((octet) => Number(octet).toString(16).padStart(2, '0')).join('');
        const exact = found.filter(({ local }) => local === hex.toUpperCase() + end);
        return (exact[0] ?? found[0])?.inode ?? '';
      } catch {
        return '';
      }
    },
    // What the kernel dropped because its buffer was full is said nowhere else. It is full of what is
    // read soon after, and to look costs as much as many datagrams.
    look() {
      if (state.received === state.seen) return;
      state.seen = state.received;
      let dropped = state.refused;
      if (state.inode !== '') {
        try {
          dropped += state.table().find(({ inode }) => inode === state.inode)?.dropped ?? 0;
        } catch {
          state.inode = '';
        }
      }
      if (dropped <= state.overflowed) return;
      state.overflowed = dropped;
      state.post({ overflowed: dropped });
    },
  };
  state.known = state.sockets();
  const { socket } = state;
  socket.on('error', (error: SystemError) => {
    const { message, code, syscall, address, port } = error;
    state.post({ failed: { message, code, syscall, address, port } });
  });
  socket.on('message', (datagram, from) => state.read(datagram, from.port, from.address));
  parent.on('message', (request: ThreadRequest) => state.take(request));
  // Exclusive: workers of node:cluster would share the port, and each would hear a part of the heartbeats.
  socket.bind({ port: order.port, address: order.address, exclusive: true }, () => {
    const { address, port } = socket.address();
    state.inode = state.find(address, port);
    setInterval(state.look, 100);
    state.post({ bound: { address, port }, granted: socket.getRecvBufferSize() });
  });
}
