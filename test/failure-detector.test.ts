import { describe, expect, it, vi } from 'vitest';
import {
  FailureDetector,
  type FailureDetectorOptions,
  PhiAccrualDetector,
  type Transition,
} from '../src/index.js';

const Z8 = 5.612001244174789; // z at φ = 8
const DEFAULT_SILENCE = 1000 + 250 * Z8;

/** A detector under the caller's clock, and what it says. */
function world(options: FailureDetectorOptions = {}) {
  const clock = { now: 0 };
  const detector = new FailureDetector({ clock: () => clock.now, timers: false, ...options });
  const said: string[] = [];
  const transitions: Transition[] = [];
  for (const event of ['suspect', 'available', 'level'] as const) {
    detector.on(event, (t) => {
      if (t.reason === 'first-heartbeat') return; // see available.test.ts
      const step = event === 'level' ? `${t.previous ?? '-'}>${t.level ?? '-'}` : event;
      said.push(`${t.peer} ${step}`);
      transitions.push(t);
    });
  }
  detector.on('late', ({ peer }) => said.push(`${peer} late`));
  return {
    clock,
    detector,
    said,
    transitions,
    /** Beats each `interval`, advancing as time goes by. */
    rhythm(id: string, interval: number, beats: number) {
      for (let i = 0; i < beats; i++) {
        clock.now += interval;
        detector.heartbeat(id);
        detector.advance();
      }
    },
    silence(ms: number) {
      clock.now += ms;
      return detector.advance();
    },
  };
}

describe('FailureDetector: suspicion', () => {
  it('says suspect at the computed instant and available in the heartbeat that earns it', () => {
    const { clock, detector, said, transitions } = world();
    detector.watch('a');
    clock.now = 500;
    detector.heartbeat('a');
    const due = 500 + DEFAULT_SILENCE;
    expect(detector.advance()).toBeCloseTo(due, 6);
    expect(detector.advance(due - 1e-3)).toBeCloseTo(due, 6);
    expect(said).toEqual([]);
    expect(detector.advance(due + 1e-3)).toBe(Number.POSITIVE_INFINITY);
    expect(said).toEqual(['a suspect']);
    expect(transitions[0]).toEqual({
      peer: 'a',
      phi: expect.closeTo(8, 3),
      due: expect.closeTo(due, 6),
      at: due + 1e-3,
      silence: expect.closeTo(DEFAULT_SILENCE, 2),
      level: 'suspect',
      previous: undefined,
      reason: 'silence',
    });
    expect([...detector.suspects()]).toEqual(['a']);
    clock.now = 9000;
    expect(detector.heartbeat('a')).toBe('accepted');
    expect(said).toEqual(['a suspect', 'a available', 'a late']);
    expect(transitions[1]).toMatchObject({
      at: 9000,
      due: 9000,
      silence: 8500,
      level: undefined,
      previous: 'suspect',
      reason: 'heartbeat',
    });
    expect(transitions[1].phi).toBeGreaterThan(100);
    expect([...detector.suspects()]).toEqual([]);
  });

  it('suspects a peer that is watched and never beats; its first beat makes it available', () => {
    const { detector, said, silence, clock } = world();
    const peer = detector.watch('a');
    expect([detector.status('a'), peer.status]).toEqual(['starting', 'starting']);
    silence(3000);
    expect(detector.status('a')).toBe('suspect');
    clock.now += 5;
    detector.heartbeat('a');
    expect(said).toEqual(['a suspect', 'a available']);
    expect(detector.status('a')).toBe('available');
  });

  it('says nothing more of a peer that is well once it was heard', () => {
    const { detector, said, rhythm } = world();
    detector.watch('a');
    rhythm('a', 1000, 50);
    rhythm('b', 1000, 1);
    expect(said).toEqual([]);
    expect([detector.status('a'), detector.status('b')]).toEqual(['available', 'available']);
  });

  it('makes no pair of events of a beat that comes before the timer has spoken', () => {
    const { detector, said, rhythm, clock } = world();
    rhythm('a', 1000, 20);
    clock.now += 60_000;
    detector.heartbeat('a');
    expect(said).toEqual(['a late']);
    expect(detector.status('a')).toBe('available');
  });

  it('says available after `recoverAfter` beats in time, the returning one the first', () => {
    const { detector, said, rhythm, silence, clock } = world({ recoverAfter: 3 });
    rhythm('a', 1000, 10);
    silence(10_000);
    detector.heartbeat('a');
    rhythm('a', 1000, 1);
    expect(said).toEqual(['a suspect', 'a late']);
    clock.now += 10_000; // breaks the row: this beat is the first again
    detector.heartbeat('a');
    rhythm('a', 1000, 1);
    expect(detector.status('a')).toBe('suspect');
    rhythm('a', 1000, 1);
    expect(said).toEqual(['a suspect', 'a late', 'a late', 'a available']);
  });

  it('suspects again after a return, and only on change', () => {
    const { said, rhythm, silence } = world();
    for (let i = 0; i < 3; i++) {
      rhythm('a', 1000, 10);
      silence(30_000);
      silence(30_000);
    }
    expect(said).toEqual([
      'a suspect',
      'a available',
      'a late',
      'a suspect',
      'a available',
      'a late',
      'a suspect',
    ]);
  });

  it('suspects at `maxSilence` whatever φ says, and says why', () => {
    const { transitions, rhythm, silence, detector } = world({ maxSilence: 1500 });
    rhythm('a', 1000, 10);
    silence(1499);
    expect(transitions).toEqual([]);
    silence(2);
    expect(transitions).toMatchObject([{ reason: 'max-silence', silence: 1501, due: 11_500 }]);
    expect(detector.status('a')).toBe('suspect');
  });

  it('orders ties by the watches, also when a slot has served another before', () => {
    const { detector, said, silence } = world();
    detector.watch('a');
    detector.watch('b');
    detector.forget('a');
    detector.watch('c');
    detector.watch('d');
    silence(1e5);
    expect(said).toEqual(['b suspect', 'c suspect', 'd suspect']);
  });

  it('orders crossings of one advance by their instants, ties by the order of the watches', () => {
    const { detector, said, silence } = world();
    detector.watch('late', { heartbeatInterval: 5000 });
    detector.watch('b');
    detector.watch('a');
    detector.watch('early', { heartbeatInterval: 10 });
    silence(1e6);
    expect(said).toEqual(['early suspect', 'b suspect', 'a suspect', 'late suspect']);
  });
});

describe('FailureDetector: levels', () => {
  const levels = { critical: 3, overloaded: 1, dead: 20 };

  it('rise one by one in order, and fall one by one in the heartbeat', () => {
    const { detector, said, rhythm, silence, transitions } = world({ levels });
    rhythm('a', 1000, 10);
    const peer = detector.watch('a');
    for (const phi of [1, 3, 8, 20]) {
      expect(detector.advance()).toBeCloseTo(peer.suspectAt(phi), 6);
      silence(peer.suspectAt(phi) - detector.now() + 1e-6);
    }
    expect(said).toEqual([
      'a ->overloaded',
      'a overloaded>critical',
      'a suspect',
      'a suspect>dead',
    ]);
    expect(transitions.map((t) => Math.round(t.phi))).toEqual([1, 3, 8, 20]);
    expect(detector.level('a')).toBe('dead');
    said.length = 0;
    detector.heartbeat('a', detector.now());
    expect(said).toEqual([
      'a dead>suspect',
      'a critical>overloaded',
      'a overloaded>-',
      'a available',
      'a late',
    ]);
    expect([detector.level('a'), peer.level]).toEqual([undefined, undefined]);
  });

  it('below the threshold come and go without suspicion', () => {
    const { detector, said, rhythm, silence } = world({ levels });
    rhythm('a', 1000, 10);
    silence(1500);
    expect(detector.level('a')).toBe('overloaded');
    expect(detector.status('a')).toBe('available');
    detector.heartbeat('a');
    silence(1500);
    detector.heartbeat('a');
    expect(said).toEqual(['a ->overloaded', 'a overloaded>-', 'a ->overloaded', 'a overloaded>-']);
  });

  it('stay at suspect until the return is earned', () => {
    const { detector, said, rhythm, silence } = world({ levels, recoverAfter: 2 });
    rhythm('a', 1000, 10);
    silence(60_000);
    said.length = 0;
    detector.heartbeat('a');
    expect(said).toEqual(['a dead>suspect', 'a late']);
    expect(detector.level('a')).toBe('suspect');
    rhythm('a', 1000, 1);
    expect(said.slice(2)).toEqual(['a critical>overloaded', 'a overloaded>-', 'a available']);
  });
});

describe('FailureDetector: options per watch', () => {
  it('differ from peer to peer', () => {
    const { detector, said, silence } = world();
    detector.watch('patient', { acceptablePause: 60_000 });
    detector.watch('strict', { threshold: 1, minStdDev: 10, heartbeatInterval: 200 });
    detector.watch('cassandra', { model: 'exponential' });
    silence(5000);
    expect(said).toEqual(['strict suspect']);
    silence(15_000);
    expect(said).toEqual(['strict suspect', 'cassandra suspect']);
    silence(60_000);
    expect(said).toEqual(['strict suspect', 'cassandra suspect', 'patient suspect']);
  });

  it('change for a watched peer and keep what was learnt', () => {
    const { detector, rhythm, said, silence } = world();
    rhythm('a', 200, 600);
    const before = detector.watch('a');
    const after = detector.watch('a', { threshold: 3, windowSize: 100 });
    expect(after.sampleCount).toBe(100);
    expect(after.mean).toBeCloseTo(200, 3);
    expect(before.suspectAt()).toBe(after.suspectAt());
    expect(after.suspectAt() - detector.now()).toBeCloseTo(200 + 3.0902 * 50, 1);
    detector.watch('a', { levels: { slow: 1 } });
    silence(1000);
    expect(said).toEqual(['a ->slow', 'a suspect']);
    detector.watch('a', { threshold: 100 });
    expect(detector.status('a')).toBe('suspect'); // until it beats
  });

  it('change the levels of a peer that is silent: what is crossed is said, once', () => {
    const { detector, rhythm, said, silence } = world();
    rhythm('a', 1000, 20);
    silence(1800);
    detector.watch('a', { levels: { slow: 1, bad: 3 } });
    silence(0);
    expect(said).toEqual(['a ->slow', 'a slow>bad']);
    detector.watch('a', { levels: { bad: 2, slow: 1.5, odd: 0.5 } });
    expect(detector.level('a')).toBe('bad');
    silence(0);
    detector.heartbeat('a');
    expect(said.slice(2)).toEqual(['a bad>slow', 'a slow>odd', 'a odd>-', 'a late']);
  });

  it('say no level twice and swallow none', () => {
    const { detector, rhythm, said, silence, clock } = world({ levels: { slow: 1, dead: 20 } });
    rhythm('a', 1000, 20);
    silence(1e5);
    said.length = 0;
    detector.watch('a', { recoverAfter: 2 });
    silence(1e5);
    expect([said, detector.level('a')]).toEqual([[], 'dead']);
    rhythm('b', 1000, 20);
    said.length = 0;
    clock.now += 1700;
    detector.watch('b', { recoverAfter: 2 }); // before the rise was said
    silence(0);
    detector.watch('b', { acceptablePause: 5000 }); // after it
    detector.heartbeat('b');
    expect(said.filter((each) => each.startsWith('b'))).toEqual(['b ->slow', 'b slow>-']);
  });

  it('learn anew with another model', () => {
    const { detector, rhythm } = world();
    rhythm('a', 100, 500);
    const peer = detector.watch('a', { model: 'logistic' });
    expect([peer.sampleCount, peer.mean, peer.status]).toEqual([2, 1000, 'available']);
  });

  it('change the prior while nothing else was learnt, and not after', () => {
    const { detector, rhythm } = world();
    detector.watch('a');
    const peer = detector.watch('a', { heartbeatInterval: 10_000 });
    expect([peer.mean, peer.sampleCount]).toEqual([10_000, 2]);
    expect(detector.advance()).toBeCloseTo(10 * DEFAULT_SILENCE, 3);
    rhythm('b', 1000, 30);
    const { mean } = detector.watch('b');
    expect(detector.watch('b', { heartbeatInterval: 10_000 }).mean).toBe(mean);
  });

  it.each([
    [{ treshold: 8 }, TypeError, /unknown option "treshold".*threshold/],
    [{ treshold: undefined }, TypeError, /treshold/],
    [{ clock: Date.now }, TypeError, /clock/],
    [{ threshold: '8' }, TypeError, /^threshold: expected .* got "8"/],
    [{ threshold: 0 }, RangeError, /^threshold: expected .* got 0/],
    [{ recoverAfter: 1.5 }, RangeError, /^recoverAfter: .* got 1.5/],
    [{ levels: { suspect: 3 } }, RangeError, /^levels: .* got "suspect"/],
    [{ levels: { x: -1 } }, RangeError, /^levels\.x: .* got -1/],
    [{ levels: 3 }, TypeError, /^levels: /],
  ])('refuse %o', (options, type, message) => {
    const { detector } = world();
    expect(() => detector.watch('a', options as never)).toThrow(type);
    expect(() => detector.watch('a', options as never)).toThrow(message);
    expect(detector.size).toBe(0);
  });
});

describe('FailureDetector: input that is none', () => {
  it('is an outcome, and counted', () => {
    const { detector, rhythm } = world({ maxPeers: 2 });
    rhythm('a', 1000, 3);
    expect(detector.heartbeat('a', 3000)).toBe('duplicate');
    expect(detector.heartbeat('a', 2999)).toBe('out-of-order');
    expect(detector.heartbeat('a', Number.NaN)).toBe('invalid-time');
    expect(detector.heartbeat('b', Number.POSITIVE_INFINITY)).toBe('invalid-time');
    expect(detector.heartbeat('b', 7n as never)).toBe('invalid-time');
    expect(detector.heartbeat('a', Symbol('7') as never)).toBe('invalid-time');
    expect(detector.size).toBe(1); // no peer came of it
    expect(detector.heartbeat('b', 3000)).toBe('accepted');
    expect(detector.heartbeat('c', 3000)).toBe('refused');
    expect(detector.watch('c').heartbeat()).toBe('refused');
    expect(detector.dropped).toEqual({
      duplicate: 1,
      'out-of-order': 1,
      'invalid-time': 4,
      'in-the-future': 0,
      'stale-incarnation': 0,
      refused: 3,
    });
    detector.forget('a');
    expect(detector.heartbeat('c', 3000)).toBe('accepted');
  });

  it('may be ids of any kind', () => {
    const { detector } = world();
    for (const id of ['__proto__', 'constructor', 'hasOwnProperty', '', 'ü\u0000']) {
      expect(detector.heartbeat(id)).toBe('accepted');
      expect(detector.status(id)).toBe('available');
    }
    const objects = new FailureDetector<object>({ timers: false });
    const id = {};
    objects.heartbeat(id);
    expect([objects.status(id), objects.status({})]).toEqual(['available', undefined]);
  });

  it('with `autoWatch: false` is a heartbeat of who is not watched', () => {
    const { detector } = world({ autoWatch: false });
    expect(detector.heartbeat('a')).toBe('refused');
    detector.watch('a');
    expect(detector.heartbeat('a')).toBe('accepted');
    detector.forget('a');
    expect(detector.heartbeat('a')).toBe('refused');
  });

  it('an instant that is none asks for nothing', () => {
    const { detector, said, clock } = world();
    detector.watch('a');
    for (const at of [Number.NaN, Number.POSITIVE_INFINITY, '9e9', 5n]) {
      expect(detector.advance(at as number)).toBeCloseTo(DEFAULT_SILENCE, 6);
      expect(detector.phi('a', at as number)).toBeGreaterThanOrEqual(0);
    }
    clock.now = Number.NaN;
    expect(detector.heartbeat('a')).toBe('invalid-time');
    expect(detector.advance()).toBeCloseTo(DEFAULT_SILENCE, 6);
    expect(said).toEqual([]);
  });
});

describe('FailureDetector: handles', () => {
  it('are there for who is watched only', () => {
    const { detector } = world();
    expect(detector.peer('a')).toBeUndefined();
    expect(detector.size).toBe(0);
    detector.heartbeat('a', 5);
    expect(detector.peer('a')?.lastHeartbeat).toBe(5);
  });

  it('answer as the detector does', () => {
    const { detector, rhythm, clock } = world();
    const peer = detector.watch('a', { threshold: 5 });
    rhythm('a', 1000, 30);
    const single = new PhiAccrualDetector({ threshold: 5 });
    for (let i = 1; i <= 30; i++) single.heartbeat(i * 1000);
    clock.now += 700;
    expect(peer.phi()).toBe(detector.phi('a'));
    expect(peer.phi(31_000)).toBe(single.phi(31_000));
    expect(peer.suspectAt()).toBe(single.suspectAt());
    expect(peer.suspectAt(2)).toBe(single.suspectAt(2));
    expect([peer.id, peer.mean, peer.stdDev, peer.sampleCount, peer.lastHeartbeat]).toEqual([
      'a',
      single.mean,
      single.stdDev,
      single.sampleCount,
      30_000,
    ]);
    expect(peer.heartbeat()).toBe('accepted');
    expect(peer.heartbeat(5)).toBe('out-of-order');
  });

  it('of forgotten peers refuse, also when their slot serves another', () => {
    const { detector, said, silence } = world();
    const gone = detector.watch('a');
    gone.heartbeat(10);
    expect(gone.forget()).toBe(true);
    expect([gone.forget(), detector.forget('a')]).toEqual([false, false]);
    const other = detector.watch('a');
    expect(gone.heartbeat(20)).toBe('refused');
    expect([gone.phi(1e9), gone.suspectAt(), gone.status, gone.level]).toEqual([
      0,
      Number.POSITIVE_INFINITY,
      undefined,
      undefined,
    ]);
    expect([gone.mean, gone.stdDev, gone.sampleCount, gone.lastHeartbeat]).toEqual([
      undefined,
      undefined,
      0,
      undefined,
    ]);
    expect([other.status, detector.size]).toEqual(['starting', 1]);
    other.forget();
    silence(1e6);
    expect(said).toEqual([]);
  });
});

describe('FailureDetector: listeners', () => {
  it('that throw stop neither the others nor what comes after, and are reported', () => {
    const { detector, silence, said } = world();
    const errors: unknown[] = [];
    const bug = new Error('bug');
    const seen: string[] = [];
    detector.on('error', (e) => errors.push(e));
    detector.on('suspect', () => {
      throw bug;
    });
    detector.on('suspect', ({ peer }) => seen.push(peer));
    detector.watch('a');
    detector.watch('b');
    silence(1e5);
    expect(said).toEqual(['a suspect', 'b suspect']);
    expect(seen).toEqual(['a', 'b']);
    expect(errors).toEqual([
      { error: bug, event: 'suspect' },
      { error: bug, event: 'suspect' },
    ]);
  });

  it('that throw are printed when nobody listens for errors', () => {
    const { detector, silence } = world();
    const print = vi.spyOn(console, 'error').mockImplementation(() => {});
    detector.on('suspect', () => {
      throw new Error('bug');
    });
    detector.watch('a');
    silence(1e5);
    detector.on('error', () => {
      throw new Error('bug in the error listener');
    });
    detector.watch('b');
    silence(1e5);
    expect(print).toHaveBeenCalledTimes(2);
    print.mockRestore();
  });

  it('come once, go with off, and with a signal', () => {
    const { detector, rhythm, silence } = world();
    const calls: string[] = [];
    const twice = () => calls.push('on');
    const stop = new AbortController();
    detector.once('suspect', () => calls.push('once'));
    detector
      .on('suspect', twice)
      .on('suspect', () => calls.push('signal'), { signal: stop.signal });
    const round = () => {
      rhythm('a', 1000, 5);
      silence(1e5);
    };
    round();
    round();
    stop.abort();
    detector.off('suspect', twice);
    round();
    detector.on('suspect', twice, { signal: AbortSignal.abort() });
    round();
    expect(calls).toEqual(['once', 'on', 'signal', 'on', 'signal']);
  });

  it('leave nothing at their signal when they go, and are one there however many they are', () => {
    const { detector, silence } = world();
    const stop = new AbortController();
    const { signal } = stop;
    const added = vi.spyOn(signal, 'addEventListener');
    const removed = vi.spyOn(signal, 'removeEventListener');
    const listener = vi.fn();
    for (let i = 0; i < 30; i++) detector.on('suspect', () => listener(), { signal });
    detector.once('suspect', listener, { signal });
    expect(added).toHaveBeenCalledTimes(1);
    detector.watch('a');
    silence(1e5);
    expect(listener).toHaveBeenCalledTimes(31);
    stop.abort();
    detector.watch('b');
    silence(1e5);
    expect(listener).toHaveBeenCalledTimes(31);
    const later = new AbortController().signal;
    const gone = vi.spyOn(later, 'removeEventListener');
    for (let i = 0; i < 20; i++) {
      detector.on('suspect', listener, { signal: later });
      detector.off('suspect', listener);
    }
    detector.once('suspect', listener, { signal: later });
    detector.watch('c');
    silence(1e5);
    expect(gone).toHaveBeenCalledTimes(21);
    expect(removed).toHaveBeenCalledTimes(1);
    detector.on('suspect', listener, { signal: later });
    detector.close();
    expect(gone).toHaveBeenCalledTimes(22);
  });

  it('hear all events in one order, whatever those before them did', () => {
    const { detector, rhythm, silence, clock, said } = world({ levels: { slow: 1 } });
    const heard: string[] = [];
    rhythm('a', 1000, 10);
    detector.on('level', ({ level }) => {
      if (level === undefined) detector.advance(clock.now + 60_000);
    });
    detector.on('suspect', () => {
      if (heard.length === 1) detector.heartbeat('a', (clock.now += 1));
    });
    for (const event of ['suspect', 'available', 'level'] as const) {
      detector.on(event, (t) => heard.push(event === 'level' ? `level ${t.level}` : event));
    }
    silence(60_000);
    const expected = [
      'level slow',
      'suspect',
      'level undefined',
      'available',
      'level slow',
      'suspect',
    ];
    expect(heard).toEqual(expected);
    expect(said.filter((each) => !each.endsWith('late')).length).toBe(6);
    expect(detector.status('a')).toBe('suspect');
  });

  it('come once, also when the event comes again while it is told', () => {
    const { detector, silence, clock } = world();
    const once = vi.fn();
    detector.watch('a');
    detector.watch('b');
    silence(1e5);
    detector.on('available', ({ peer }) => {
      if (peer === 'a') detector.heartbeat('b', clock.now + 1);
    });
    detector.once('available', once);
    detector.heartbeat('a', clock.now + 1);
    expect(once).toHaveBeenCalledTimes(1);
  });

  it('go alone when their signal is aborted, not with another registration of theirs', () => {
    const { detector, silence } = world();
    const stop = new AbortController();
    const listener = vi.fn();
    detector.on('suspect', listener);
    detector.on('suspect', listener, { signal: stop.signal });
    stop.abort();
    detector.watch('a');
    silence(1e5);
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it('hear nothing after a close by the one before', () => {
    const { detector, silence } = world();
    const second = vi.fn();
    const early = new FailureDetector({ timers: false });
    early.on('suspect', () => early.close());
    early.on('suspect', second);
    early.watch('a');
    early.advance(early.now() + 1e6);
    expect(second).not.toHaveBeenCalled();
    expect([detector.size, silence(1)]).toEqual([0, Number.POSITIVE_INFINITY]);
  });

  it('may do anything: watch, forget, beat, close', () => {
    const { detector, silence, said } = world({ levels: { dead: 20 } });
    detector.on('suspect', ({ peer }) => {
      if (peer === 'a') detector.forget('b');
      if (peer === 'c') detector.watch('d', { heartbeatInterval: 1 });
      if (peer === 'd') detector.close();
    });
    for (const id of ['a', 'b', 'c', 'e']) detector.watch(id);
    silence(2500);
    expect(said).toEqual(['a suspect', 'c suspect', 'e suspect']);
    silence(100_000);
    expect(said.slice(3, 5)).toEqual(['d suspect']);
  });

  it('that forget a peer hear no more of it', () => {
    const { detector, silence, said, clock } = world({ levels: { dead: 20, slow: 1 } });
    detector.watch('a');
    silence(1e6);
    said.length = 0;
    detector.once('level', () => detector.forget('a'));
    clock.now += 1;
    detector.heartbeat('a');
    expect(said).toEqual(['a dead>suspect']);
  });
});

describe('FailureDetector: the end', () => {
  it('close is for good, and idempotent', () => {
    const { detector, said, silence } = world();
    const peer = detector.watch('a');
    detector.close();
    detector.close();
    expect(silence(1e6)).toBe(Number.POSITIVE_INFINITY);
    expect([detector.size, detector.heartbeat('a'), detector.watch('b').status]).toEqual([
      0,
      'refused',
      undefined,
    ]);
    expect([peer.heartbeat(), peer.phi(), detector.phi('a')]).toEqual(['refused', 0, undefined]);
    expect(said).toEqual([]);
  });

  it('comes with `using` and with a signal', () => {
    const stop = new AbortController();
    const { detector } = world({ signal: stop.signal });
    detector.watch('a');
    stop.abort();
    expect(detector.heartbeat('a')).toBe('refused');
    const born = world({ signal: AbortSignal.abort() }).detector;
    expect(born.heartbeat('a')).toBe('refused');
    const scoped = world().detector;
    scoped[Symbol.dispose ?? Symbol.for('Symbol.dispose')]();
    expect(scoped.heartbeat('a')).toBe('refused');
  });
});
