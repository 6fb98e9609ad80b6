/**
 * Storage for the rings of all peers: Float32 samples in a few large chunks instead of a typed
 * array per peer, which would cost each of them some 300 bytes of headers.
 *
 * A ring has a capacity and a reference: chunk number in the upper 14 bits, first sample in the
 * lower 18. A chunk holds rings of one capacity; a chunk whose last ring is freed goes back, so
 * that rings that grow together from 64 to 128 samples do not leave their old storage behind.
 */

/** Intervals are clamped to this (30,000 years), so that no square overflows. */
export const LONGEST = 1e15;
/** A reference: the chunk in the upper bits, the first sample in the lower ones. */
export const REF_SHIFT = 18;
export const REF_OFFSET = 0x3ffff;
/** The largest ring, in samples: one whole chunk. */
export const MAX_RING = 0x40000;
const MAX_CHUNKS = 0x4000;

const NONE = -1;
/** Chunks of 1 MiB that are kept when no ring is in them. */
const SPARES = 4;
const RELEASED = new Float32Array(0);

/** The chunks of one capacity. */
class SizeClass {
  /** Chunks with room for at least one ring, each once. */
  readonly roomy: number[] = [];
  /** Doubles from one ring to a whole chunk, so that a detector of one peer stays small. */
  nextChunkLength: number;

  constructor(readonly capacity: number) {
    this.nextChunkLength = capacity;
  }
}

export class RingPool {
  /** The samples: `chunks[ref >>> 18][(ref & (2¹⁸ − 1)) + position]`. */
  readonly chunks: Float32Array[] = [];
  readonly #classes = new Map<number, SizeClass>();
  readonly #owner: (SizeClass | undefined)[] = [];
  readonly #live: number[] = [];
  /** First free ring of the chunk: each free ring keeps the offset of the next in its first sample. */
  readonly #free: number[] = [];
  /** Where the never used part of the chunk begins. */
  readonly #fresh: number[] = [];
  readonly #vacant: number[] = [];
  /** Released storage of a whole chunk, for the next one: what grows gives back what it outgrew. */
  readonly #spare: Float32Array[] = [];

  /** A ring of `capacity` samples, its content undefined. */
  allocate(capacity: number): number {
    let size = this.#classes.get(capacity);
    if (size === undefined) {
      size = new SizeClass(capacity);
      this.#classes.set(capacity, size);
    }
    const chunk = size.roomy[size.roomy.length - 1] ?? this.#addChunk(size);
    const samples = this.chunks[chunk];
    let offset = this.#free[chunk];
    if (offset !== NONE) {
      this.#free[chunk] = samples[offset];
    } else {
      offset = this.#fresh[chunk];
      this.#fresh[chunk] += capacity;
    }
    this.#live[chunk]++;
    if (!this.#hasRoom(chunk, size)) size.roomy.pop();
    return (chunk << REF_SHIFT) | offset;
  }

  free(ref: number, capacity: number): void {
    const chunk = ref >>> REF_SHIFT;
    const offset = ref & REF_OFFSET;
    const size = this.#owner[chunk];
    if (size === undefined || size.capacity !== capacity) throw new Error('ring-pool: not a ring');
    if (!this.#hasRoom(chunk, size)) size.roomy.push(chunk);
    this.chunks[chunk][offset] = this.#free[chunk];
    this.#free[chunk] = offset;
    // A last chunk with room is kept: peers that come and go must not allocate each time.
    const { length } = this.chunks[chunk];
    const whole = length === capacity || length === MAX_RING;
    if (--this.#live[chunk] === 0 && (whole || size.roomy.length > 1)) this.#release(chunk, size);
  }

  #hasRoom(chunk: number, size: SizeClass): boolean {
    return (
      this.#free[chunk] !== NONE || this.#fresh[chunk] + size.capacity <= this.chunks[chunk].length
    );
  }

  #addChunk(size: SizeClass): number {
    const chunk = this.#vacant.pop() ?? this.chunks.length;
    if (chunk === MAX_CHUNKS) throw new RangeError('windows: more than 16 GiB of samples');
    const length = size.nextChunkLength;
    size.nextChunkLength = Math.min(2 * length, MAX_RING);
    const spare = length === MAX_RING ? this.#spare.pop() : undefined;
    this.chunks[chunk] = spare ?? new Float32Array(length);
    this.#owner[chunk] = size;
    this.#live[chunk] = 0;
    this.#free[chunk] = NONE;
    this.#fresh[chunk] = 0;
    size.roomy.push(chunk);
    return chunk;
  }

  #release(chunk: number, size: SizeClass): void {
    const samples = this.chunks[chunk];
    if (samples.length === MAX_RING && this.#spare.length < SPARES) this.#spare.push(samples);
    this.chunks[chunk] = RELEASED;
    this.#owner[chunk] = undefined;
    this.#vacant.push(chunk);
    size.roomy.splice(size.roomy.indexOf(chunk), 1);
  }
}
