/** What may be an id, and that a snapshot with a peer that is none loses none of the others. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FailureDetector, type FailureDetectorSnapshot } from '../src/index.js';

afterEach(() => vi.restoreAllMocks());

const detectorAt0 = (options = {}) =>
  new FailureDetector<unknown>({ clock: () => 0, timers: false, ...options });

describe('An id that names nobody', () => {
  it.each([[undefined], [null], [Number.NaN]])('is refused on the way in: %s', (id) => {
    const detector = detectorAt0();
    expect(detector.heartbeat(id)).toBe('refused');
    expect(detector.heartbeat(id, 5, { sequence: 1 })).toBe('refused');
    expect(() => detector.watch(id)).toThrow(TypeError);
    expect(() => detector.watch(id)).toThrow(
      `id: expected an id: anything but undefined, null and NaN, got ${id}`,
    );
    expect(detector.dropped.refused).toBe(2);
    expect([detector.phi(id), detector.status(id), detector.level(id)]).toEqual(
      Array(3).fill(undefined),
    );
    expect([detector.explain(id), detector.peer(id)]).toEqual([undefined, undefined]);
    expect([detector.forget(id), detector.size]).toEqual([false, 0]);
    expect(() => detector.restorePeer({ peer: id } as never)).toThrow(TypeError);
    expect([...detector.peers()]).toEqual([]);
  });

  it('is not one that is empty, zero, false or infinite', () => {
    const detector = detectorAt0();
    for (const id of ['', 0, false, 0n, Number.POSITIVE_INFINITY, Symbol.iterator, {}]) {
      expect(detector.heartbeat(id)).toBe('accepted');
      expect(detector.status(id)).toBe('available');
    }
    expect([detector.heartbeat(-0, 1), detector.size]).toEqual(['accepted', 7]);
  });

  it('has no other face than its key: −0 is told as 0', () => {
    const detector = detectorAt0();
    const told: unknown[] = [];
    detector.on('available', ({ peer }) => told.push(peer));
    detector.heartbeat(-0);
    expect(told).toStrictEqual([0]);
    expect([detector.forget(0), detector.size]).toEqual([true, 0]);
  });
});

describe('A snapshot with peers that cannot be restored', () => {
  const good = (): FailureDetectorSnapshot<unknown> => {
    const detector = detectorAt0();
    for (const id of ['a', 'b', 'c']) detector.heartbeat(id);
    return JSON.parse(JSON.stringify(detector.snapshot()));
  };
  const [a, b, c] = good().peers;
  const bad = [{ ...b, peer: null }, { ...b, heard: 'yes' }, 7, a, {}];
  const settings = { clock: () => 9, timers: false };

  it('restores the others, and tells of each that it left out', () => {
    const told: [string, unknown][] = [];
    const onError = ({ message }: Error, peer: unknown) => told.push([message, peer]);
    const peers = [a, ...bad, c] as never[];
    const detector = FailureDetector.restore({ version: 1, peers }, settings, { onError });
    expect([...detector.available()]).toEqual(['a', 'c']);
    expect(told).toEqual([
      ['snapshot.peer: expected an id: anything but undefined, null and NaN, got null', bad[0]],
      ['snapshot.heard: expected true or false, got "yes"', bad[1]],
      ['snapshot: expected an object, got 7', 7],
      ['snapshot.peer: expected one that has room and is not there yet, got "a"', a],
      ['snapshot.peer: expected an id: anything but undefined, null and NaN, got undefined', {}],
    ]);
    expect(detector.dropped.refused).toBe(5);
  });

  it('says so on the console, once, where nobody else is told', () => {
    const print = vi.spyOn(console, 'error').mockImplementation(() => {});
    const detector = FailureDetector.restore([...bad, a, b] as never[], settings);
    expect([...detector.peers()]).toEqual(['a', 'b']);
    expect(print.mock.calls).toEqual([
      ['phi-accrual: 5 parts of a snapshot were left out; the first:', expect.any(TypeError)],
    ]);
    FailureDetector.restore(good(), settings);
    expect(print).toHaveBeenCalledTimes(1);
  });

  it('restores as many as there is room for', () => {
    const left: unknown[] = [];
    const onError = (_: Error, peer: unknown) => left.push(peer);
    const detector = FailureDetector.restore(good(), { ...settings, maxPeers: 2 }, { onError });
    expect([[...detector.peers()], left]).toEqual([['a', 'b'], [c]]);
  });

  it('is given up where the call-back throws', () => {
    const onError = (error: Error) => {
      throw error;
    };
    const give = () => FailureDetector.restore([7] as never, settings, { onError });
    expect(give).toThrow('snapshot: expected an object, got 7');
  });

  it('is made of any ids, though JSON keeps strings and finite numbers only', () => {
    const detector = detectorAt0();
    const ids: unknown[] = ['a', 1, 2n, Symbol('s'), { node: 1 }, Number.POSITIVE_INFINITY];
    for (const id of ids) detector.heartbeat(id);
    const copy = FailureDetector.restore(detector.snapshot(), settings);
    expect([...copy.peers()]).toEqual(ids);
    const named = Array.from(detector.snapshotPeers(), (peer) => ({
      ...peer,
      peer: ids.indexOf(peer.peer), // a name that survives JSON
    }));
    expect(FailureDetector.restore(JSON.parse(JSON.stringify(named)), settings).size).toBe(6);
  });
});
