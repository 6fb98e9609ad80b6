import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUSY, DeadlineQueue, type Deadlines, IDLE } from '../src/core/monitor/deadlines.js';
import type { Slot } from '../src/core/peers/records.js';
import { seeded } from './support/random.js';

/** Slots with a due instant each, as a detector keeps them. */
class Slots implements Deadlines {
  readonly due: number[] = [];
  readonly key: number[] = [];
  readonly queue = new DeadlineQueue(this);
  looks = 0;

  dueAt(slot: number): number {
    this.looks++;
    return this.due[slot];
  }

  queuedAt(slot: number): number {
    return this.key[slot] ?? Number.POSITIVE_INFINITY;
  }

  setQueuedAt(slot: number, key: number): void {
    this.key[slot] = key;
  }

  ordinalOf(slot: number): number {
    return slot;
  }

  /** The slot is due at `at` from now on, wherever it stood before. */
  set(slot: number, at: number): void {
    this.due[slot] = at;
    if (at < this.queuedAt(slot)) this.queue.insert(slot as Slot, at);
  }

  /** All slots that come out up to `at`; they are due no more. */
  takeUpTo(at: number): number[] {
    const out: number[] = [];
    for (let slot = this.queue.step(at); slot !== IDLE; slot = this.queue.step(at)) {
      if (slot === BUSY) continue;
      out.push(slot);
      this.due[slot] = Number.POSITIVE_INFINITY;
    }
    return out;
  }

  /** The same, the plain way. */
  dueUpTo(at: number): number[] {
    return [...this.due.keys()]
      .filter((slot) => this.due[slot] <= at)
      .sort((a, b) => this.due[a] - this.due[b] || a - b);
  }
}

const delay = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.double({ min: 0, max: 600, noNaN: true }),
  fc.double({ min: 0, max: 20_000, noNaN: true }),
  fc.double({ min: 0, max: 13, noNaN: true }).map((e) => 10 ** e),
  fc.constantFrom(1e15, 1e300, Number.POSITIVE_INFINITY),
);

describe('DeadlineQueue', () => {
  it.each([0, -1e9, 1.7e12])('yields what is due, in order, from %d on', (origin) => {
    const step = fc.record({
      slot: fc.nat({ max: 30 }),
      delay,
      wait: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: delay }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.constantFrom(0, 70), (steps, crowd) => {
        const slots = new Slots();
        let now = origin;
        // A crowd that never comes due fills the heap, so that buckets are used from the first on.
        for (let slot = 100; slot < 100 + crowd; slot++) slots.set(slot, 1e15);
        for (const { slot, delay: ahead, wait } of steps) {
          slots.set(slot, now + ahead);
          if (wait === 0) continue;
          now = Math.min(now + wait, 1e16);
          const expected = slots.dueUpTo(now);
          expect(slots.takeUpTo(now)).toEqual(expected);
          const earliest = Math.min(...slots.due.filter((x) => x > now));
          // Exact for a few; for many, never late, and never behind the time.
          if (crowd === 0) expect(slots.queue.earliest()).toBe(earliest);
          expect(slots.queue.earliest()).toBeLessThanOrEqual(earliest);
          expect(slots.queue.earliest()).toBeGreaterThan(now);
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('takes 2 looks a detection time and peer, however many heartbeats there are', () => {
    const random = seeded(3);
    const slots = new Slots();
    const peers = 20_000;
    const beats = Array.from({ length: peers }, () => random() * 1000);
    let heartbeats = 0;
    for (let now = 0; now < 60_000; now += 10) {
      for (let slot = Math.floor(random() * 7); slot < peers; slot += 1) {
        if (beats[slot] > now) continue;
        slots.set(slot, beats[slot] + 2400);
        beats[slot] += 1000;
        heartbeats++;
      }
      expect(slots.takeUpTo(now)).toEqual([]);
    }
    expect(heartbeats).toBeGreaterThan(59 * peers);
    expect(slots.looks / heartbeats).toBeLessThan(1);
  });

  it('stands many slots at one instant, and never says a later one than the earliest', () => {
    const slots = new Slots();
    for (let slot = 0; slot < 1000; slot++) slots.set(slot, 5000 + (slot % 3));
    const next = slots.queue.earliest();
    expect(next).toBeLessThanOrEqual(5000);
    expect(next).toBeGreaterThan(4000);
    expect(slots.takeUpTo(4999.9)).toEqual([]);
    expect(slots.takeUpTo(5000).length).toBe(334);
    expect(slots.takeUpTo(5001).length).toBe(333);
    expect(slots.takeUpTo(1e9).length).toBe(333);
    expect(slots.queue.earliest()).toBe(Number.POSITIVE_INFINITY);
  });

  it('keeps one entry for a slot whose peers come and go', () => {
    const slots = new Slots();
    slots.set(0, 1000);
    for (let i = 0; i < 100_000; i++) {
      slots.due[0] = Number.POSITIVE_INFINITY; // forgotten
      slots.set(0, 1000 + i); // watched anew
    }
    slots.looks = 0;
    expect(slots.takeUpTo(1e6)).toEqual([0]);
    expect(slots.looks).toBeLessThan(20);
  });
});
