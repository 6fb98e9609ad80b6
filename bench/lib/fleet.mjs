/** A detector with many peers whose windows are full, on a clock of the benchmark's own. */
import { FailureDetector } from './build.mjs';
import { Floor } from './floor.mjs';
import { seeded, shuffled } from './random.mjs';
import { keep } from './rounds.mjs';

/** Between the beats of a peer, in ms, give or take a tenth. */
const INTERVAL = 1000;
const JITTER = 4096;

/** The same strings for detector and floor; long enough to be hashed and compared as ids are. */
export const idsOf = (peers) => Array.from({ length: peers }, (_, i) => `node-${i}.cluster.local`);

export class Fleet {
  #now = 0;
  #turns = 0;
  #readings = 0;
  #floorTurns = 0;
  #jitter;
  #order;

  /** @param window samples per peer; all are there when the constructor returns */
  constructor(peers, window, options) {
    const random = seeded();
    this.peers = peers;
    this.ids = idsOf(peers);
    this.#order = shuffled(peers, random);
    this.#jitter = Float64Array.from({ length: JITTER }, () => random() * INTERVAL * 0.1);
    this.clock = () => this.#now;
    this.detector = new FailureDetector({
      windowSize: window,
      clock: this.clock,
      timers: false,
      ...options,
    });
    this.handles = this.ids.map((id) => this.detector.watch(id));
    this.floor = new Floor(peers, window);
    this.slots = new Map(this.ids.map((id, slot) => [id, slot]));
    // As the detector's handles: an object for each peer, in the order of the watches.
    this.plain = this.ids.map((id, slot) => ({ id, slot, floor: this.floor }));
    for (let i = 0; i <= window; i++) this.#fill();
  }

  #fill() {
    this.#now += INTERVAL;
    for (let i = 0; i < this.peers; i++) {
      const at = this.#now + this.#jitter[i % JITTER];
      this.handles[this.#order[i]].heartbeat(at);
      this.floor.touch(this.#order[i], at);
    }
  }

  /**
   * The next `beats` heartbeats, in random order, each peer at its turn: time passes with them, so
   * that the turns of a peer are an interval apart.
   */
  run(beats, way) {
    const first = this.#turns % this.peers;
    const step = INTERVAL / this.peers;
    way(this, this.#order, this.#jitter, first, beats, this.#now + INTERVAL, step);
    this.#turns += beats;
    this.#now += beats * step;
  }

  /** As {@link run}, for readings: no time passes. */
  read(beats, way) {
    const first = this.#readings % this.peers;
    way(this, this.#order, this.#jitter, first, beats, this.#now + 2 * INTERVAL);
    this.#readings += beats;
  }

  /** The same for the floor, which has turns of its own: no peer of the detector misses one. */
  runFloor(beats, way) {
    const first = this.#floorTurns % this.peers;
    way(this, this.#order, this.#jitter, first, beats, this.#floorTurns, 1);
    this.#floorTurns += beats;
  }
}

export function byHandle({ handles, peers }, order, jitter, first, beats, now, step) {
  let accepted = 0;
  for (let i = 0, o = first; i < beats; i++, o = o + 1 < peers ? o + 1 : 0) {
    const at = now + i * step + jitter[i & (JITTER - 1)];
    if (handles[order[o]].heartbeat(at) === 'accepted') accepted++;
  }
  keep(accepted);
}

export function byId({ detector, ids, peers }, order, jitter, first, beats, now, step) {
  let accepted = 0;
  for (let i = 0, o = first; i < beats; i++, o = o + 1 < peers ? o + 1 : 0) {
    const at = now + i * step + jitter[i & (JITTER - 1)];
    if (detector.heartbeat(ids[order[o]], at) === 'accepted') accepted++;
  }
  keep(accepted);
}

/** As many at a time as a datagram or a message of a host agent brings. */
const BATCH = 32;

/** In batches, in builds that take them. */
export function inBatches({ detector, ids, peers }, order, jitter, first, beats, now, step) {
  const batch = new Array(BATCH);
  for (let i = 0, o = first; i < beats; i += BATCH) {
    for (let j = 0; j < BATCH; j++, o = o + 1 < peers ? o + 1 : 0) batch[j] = ids[order[o]];
    detector.heartbeats(batch, now + i * step + jitter[i & (JITTER - 1)]);
  }
}

export function phiByHandle({ handles, peers }, order, _, first, beats, now) {
  let sum = 0;
  for (let i = 0, o = first; i < beats; i++, o = o + 1 < peers ? o + 1 : 0) {
    sum += handles[order[o]].phi(now);
  }
  keep(sum);
}

export function phiById({ detector, ids, peers }, order, _, first, beats, now) {
  let sum = 0;
  for (let i = 0, o = first; i < beats; i++, o = o + 1 < peers ? o + 1 : 0) {
    sum += detector.phi(ids[order[o]], now);
  }
  keep(sum);
}

export function floorByHandle({ plain, peers }, order, jitter, first, beats, now, step) {
  let sum = 0;
  for (let i = 0, o = first; i < beats; i++, o = o + 1 < peers ? o + 1 : 0) {
    const at = now + i * step + jitter[i & (JITTER - 1)];
    const peer = plain[order[o]];
    sum += peer.floor.touch(peer.slot, at);
  }
  keep(sum);
}

export function floorById({ floor, slots, ids, peers }, order, jitter, first, beats, now, step) {
  let sum = 0;
  for (let i = 0, o = first; i < beats; i++, o = o + 1 < peers ? o + 1 : 0) {
    const at = now + i * step + jitter[i & (JITTER - 1)];
    sum += floor.touch(slots.get(ids[order[o]]), at);
  }
  keep(sum);
}
