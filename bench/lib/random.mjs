/** Random numbers that are the same in every run. */

/** Uniform in [0, 1): xorshift32, good enough to spread peers and jitter. */
export function seeded(seed = 0x2545f491) {
  let state = seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** `length` numbers, uniform in [from, to). */
export function uniform(length, from, to, random = seeded()) {
  return Float64Array.from({ length }, () => from + random() * (to - from));
}

/** 0 … `length` − 1 in random order. */
export function shuffled(length, random = seeded()) {
  const order = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const j = Math.floor(random() * (i + 1));
    order[i] = order[j];
    order[j] = i;
  }
  return order;
}
