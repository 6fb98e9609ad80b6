/** What a detector allocates at once: little, so that there may be one a socket. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FailureDetector, type FailureDetectorOptions } from '../src/index.js';

afterEach(() => vi.unstubAllGlobals());

/** Runs `work`; returns the bytes of the typed arrays and buffers that it made. */
function allocated(work: () => void): number {
  let bytes = 0;
  const counting = (name: 'ArrayBuffer' | 'Float64Array' | 'Float32Array' | 'Int32Array') => {
    const Original = globalThis[name] as unknown as new (...args: unknown[]) => ArrayBuffer;
    class Counted extends Original {
      constructor(...args: unknown[]) {
        super(...args);
        if (!(args[0] instanceof ArrayBuffer)) bytes += this.byteLength;
      }
    }
    vi.stubGlobal(name, Counted);
  };
  counting('ArrayBuffer');
  for (const name of ['Float64Array', 'Float32Array', 'Int32Array'] as const) counting(name);
  work();
  vi.unstubAllGlobals();
  return bytes;
}

const still = { clock: () => 0, timers: false };

describe('A detector of a few peers', () => {
  it.each<[string, FailureDetectorOptions, number]>([
    ['with the default options', {}, 2500],
    ['with every guard', { clock: performance, timers: true, stallGuard: true }, 2500],
    ['of the calibrated model', { model: 'calibrated' }, 4000],
    ['that makes room for one', { maxPeers: 1 }, 2500],
  ])('allocates no more than it needs: %s', (_, options, most) => {
    let detector: FailureDetector | undefined;
    const bytes = allocated(() => {
      detector = new FailureDetector({ ...still, ...options });
      for (let beat = 0; beat < 10; beat++) {
        detector.heartbeat('a', beat * 1000, { incarnation: 1, sequence: beat });
        detector.heartbeat('b', beat * 1000);
      }
    });
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(most);
    detector?.close();
  });
});

describe('A detector that grows', () => {
  it('keeps all that was known of each peer, and handles on it', () => {
    const options: FailureDetectorOptions = { ...still, levels: { slow: 1 } };
    const few = new FailureDetector(options);
    const many = new FailureDetector(options);
    const models = ['normal', 'calibrated'] as const;
    const link = many.link();
    const beat = (detector: FailureDetector, i: number, at: number) =>
      detector.heartbeat(`p${i}`, at, { incarnation: 1, sequence: at / 1000, link });
    const handles = Array.from({ length: 5 }, (_, i) => {
      few.watch(`p${i}`, { model: models[i % 2] });
      return many.watch(`p${i}`, { model: models[i % 2] });
    });
    for (let step = 0; step < 13; step++) {
      for (let i = 0; i < 5; i++) {
        beat(few, i, step * 1000 + i);
        beat(many, i, step * 1000 + i);
      }
      // Twice as many each time, to beyond a second slab.
      for (let i = 2 ** step; i < 2 ** (step + 1); i++) many.heartbeat(`more-${i}`, step * 1000);
      for (let i = 0; i < 5; i++) {
        expect(many.explain(`p${i}`, 20_000)).toEqual(few.explain(`p${i}`, 20_000));
        expect(many.snapshotPeer(`p${i}`)).toEqual(few.snapshotPeer(`p${i}`));
        expect(handles[i].suspectAt()).toBe(few.peer(`p${i}`)?.suspectAt());
      }
    }
    expect(many.size).toBe(5 + 2 ** 13 - 1);
    const told: string[] = [];
    many.on('suspect', ({ peer }) => told.push(peer));
    many.advance(1e7); // a mass silence, which is held
    many.advance(2e7);
    expect(told.length).toBe(many.size);
    expect(new Set(told).size).toBe(many.size);
  });

  it('may do so while a listener is called in the middle of a heartbeat', () => {
    const detector = new FailureDetector(still);
    let more = 0;
    detector.on('available', () => {
      for (let i = 0; i < 5 && more < 500; i++) detector.heartbeat(`more-${more++}`, 10);
    });
    detector.heartbeat('a', 0);
    detector.heartbeat('a', 1000);
    expect([...detector.available()].length).toBe(501);
    expect(detector.explain('a', 1000)?.lastHeartbeat).toBe(1000);
  });
});
