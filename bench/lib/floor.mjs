/**
 * The least that any detector of many peers must do for a heartbeat: find the peer, read and write
 * the cache line of its record, read and write the ring slot that the record names.
 */

const RECORD = 8; // doubles: a line of 64 bytes
const LAST = 0;
const HEAD = 1;

export class Floor {
  #records;
  #rings;
  #window;

  constructor(peers, window) {
    this.#records = new Float64Array(peers * RECORD);
    this.#rings = new Float32Array(peers * window);
    this.#window = window;
  }

  touch(slot, at) {
    const r = slot * RECORD;
    const head = this.#records[r + HEAD] | 0;
    const i = slot * this.#window + head;
    const old = this.#rings[i];
    this.#rings[i] = at - this.#records[r + LAST];
    this.#records[r + LAST] = at;
    this.#records[r + HEAD] = head + 1 < this.#window ? head + 1 : 0;
    return old;
  }
}
