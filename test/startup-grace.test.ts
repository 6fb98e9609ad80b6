/** How long a watched peer may take to be heard for the first time. */
import { describe, expect, it } from 'vitest';
import { FailureDetector } from '../src/index.js';

describe('startupGrace', () => {
  const world = (startupGrace: number | undefined, model: 'normal' | 'calibrated' = 'normal') => {
    let now = 0;
    const options = { clock: () => now, timers: false, startupGrace, model };
    const detector = new FailureDetector(options);
    const told: string[] = [];
    detector.on('suspect', ({ peer, due }) => told.push(`${peer} ${due}`));
    const to = (at: number) => {
      now = at;
      detector.advance();
    };
    return { detector, told, to, options };
  };

  it.each(['normal', 'calibrated'] as const)(
    'is when a watched peer is suspected that was never heard, earlier or later than φ says: %s',
    (model) => {
      for (const grace of [500, 60_000]) {
        const { detector, told, to } = world(grace, model);
        const peer = detector.watch('a');
        expect([peer.suspectAt(), detector.explain('a')?.suspectAt]).toEqual([grace, grace]);
        to(grace - 1);
        expect([told, detector.status('a')]).toEqual([[], 'starting']);
        to(grace);
        expect(told).toEqual([`a ${grace}`]);
      }
    },
  );

  it('is no concern of a peer that was heard', () => {
    const [patient, usual] = [world(60_000), world(undefined)];
    for (const { detector } of [patient, usual]) {
      detector.watch('a');
      detector.heartbeat('a', 1000);
    }
    expect(patient.detector.peer('a')?.suspectAt()).toBe(usual.detector.peer('a')?.suspectAt());
  });

  it('may be infinite, and of one peer; a snapshot and new options keep to it', () => {
    const { detector, told, to, options } = world(undefined);
    const peer = detector.watch('a', { startupGrace: Number.POSITIVE_INFINITY });
    const text = JSON.stringify(detector.snapshot());
    const copy = FailureDetector.restore<string>(JSON.parse(text), options);
    expect(copy.peer('a')?.suspectAt()).toBe(Number.POSITIVE_INFINITY);
    to(1e9);
    expect(told).toEqual([]);
    detector.watch('a', { startupGrace: 2e9 });
    expect(peer.suspectAt()).toBe(2e9);
    to(2e9);
    expect(told).toEqual(['a 2000000000']);
  });

  it.each([0, -1, Number.NaN])('is refused when it is %d', (startupGrace) => {
    expect(() => new FailureDetector({ startupGrace })).toThrow(
      /^startupGrace: expected ms above 0/,
    );
  });
});
