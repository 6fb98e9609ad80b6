/** The page's parts that need no page. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrivalModels } from '../src/core/model/distributions.js';
import { Connection, type ConnectionState, type Source } from '../src/dashboard/connection.js';
import { readDetail, readThresholds, sentencesOf } from '../src/dashboard/detail.js';
import { Fleet, KEPT } from '../src/dashboard/fleet.js';
import { duration, interval, phi } from '../src/dashboard/format.js';
import { histogramOf } from '../src/dashboard/histogram.js';
import { announcement, type Entry, entryOf, entryOfEdge, Log } from '../src/dashboard/log.js';
import { type Instance, readInstance, readMessage } from '../src/dashboard/messages.js';
import { curveOf, ifSilent, type Sample, spanOf, suspicionIn } from '../src/dashboard/phi-curve.js';
import { PhiRing, pointsOf } from '../src/dashboard/phi-ring.js';
import { fragmentOf, idOf } from '../src/dashboard/place.js';
import { noticesOf } from '../src/dashboard/protection.js';
import { matches, rowsOf, type View } from '../src/dashboard/rows.js';
import { ServiceTime } from '../src/dashboard/service-time.js';
import { reveal, visible } from '../src/dashboard/virtual-window.js';
import { lookOf, STATUSES } from '../src/dashboard/words.js';

const instance = (id: string, more: object = {}): Instance =>
  readInstance({ id, service: 's', status: 'available', ...more })!;
const view = (more: Partial<View> = {}): View => ({
  search: '',
  status: undefined,
  grouped: true,
  folded: new Set(),
  ...more,
});

describe('the fleet', () => {
  /** What a registry does, one revision each. */
  const step = fc.record({
    id: fc.integer({ min: 0, max: 5 }).map(String),
    kind: fc.constantFrom('registered', 'status', 'draining', 'deregistered', 'removed'),
    status: fc.constantFrom('available', 'dead', 'zombie'),
    /** What happens to the connection before it: nothing, a resumption, or a new beginning. */
    link: fc.constantFrom('keep', 'keep', 'keep', 'resume', 'snapshot', 'restart'),
    /** How many known changes a resumption repeats. */
    repeated: fc.integer({ min: 0, max: 4 }),
  });

  it('is right after any snapshots, changes, resumptions and restarts', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const truth = new Map<string, object>();
        let revision = 0;
        let changes: string[] = [];
        const fleet = new Fleet();
        const hear = (type: string, data: string) => {
          const message = readMessage(type, data)!;
          if (message.type === 'snapshot') fleet.snapshot(message);
          else if (message.type === 'change') fleet.change(message);
        };
        const snapshot = () =>
          hear('snapshot', JSON.stringify({ revision, instances: [...truth.values()] }));
        snapshot();
        for (const { id, kind, status, link, repeated } of steps) {
          if (link === 'restart') {
            // The registry begins its revisions anew, with what it has kept.
            revision = 0;
            changes = [];
            snapshot();
          } else if (link === 'snapshot') {
            snapshot();
          } else if (link === 'resume') {
            for (const change of changes.slice(changes.length - Math.min(repeated, changes.length)))
              hear('change', change);
          }
          revision++;
          const view = { id, service: 's', status, revision };
          if (kind === 'deregistered' || kind === 'removed') truth.delete(id);
          else truth.set(id, view);
          changes.push(JSON.stringify({ revision, kind, instance: view }));
          hear('change', changes[changes.length - 1]);
        }
        const shown = fleet.sorted().map(({ id, status }) => [id, status]);
        const right = [...truth.values()].map((each) => readInstance(each)!);
        right.sort((a, b) => Number(a.id) - Number(b.id));
        expect(shown).toEqual(right.map(({ id, status }) => [id, status]));
        expect(fleet.revision).toBe(revision);
      }),
    );
  });

  it('keeps figures of those that it has, and forgets them with them', () => {
    const fleet = new Fleet();
    const row = (id: string, phi: number) => [id, phi, phi + 1, 100, 1000, 100, 1460, 1];
    const frame = (at: number, ...rows: unknown[]) => {
      const message = readMessage('frame', JSON.stringify({ at, rows }));
      if (message?.type !== 'frame') throw new Error('no frame');
      fleet.frame(message, at, at + 5);
    };
    fleet.snapshot({ type: 'snapshot', revision: 3, instances: [instance('a'), instance('b')] });
    frame(1000, row('a', 1), row('b', 2), row('stranger', 3));
    frame(2000, row('a', 4), row('b', 5));
    expect(fleet.latest('a')).toMatchObject({ phi: 4, peak: 5, suspectIn: 1460, heardAt: 2005 });
    expect(fleet.latest('stranger')).toBeUndefined();
    expect(fleet.history('a').map(({ at, phi }) => [at, phi])).toEqual([
      [1000, 1],
      [2000, 4],
    ]);
    const gone = { type: 'change', revision: 4, kind: 'removed', reason: undefined } as const;
    expect(fleet.change({ ...gone, instance: instance('a') })).toBe(true);
    expect([fleet.get('a'), fleet.latest('a'), fleet.ring('a')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    // Another process's clock: nothing of the one before belongs to its curve.
    frame(500, row('b', 6));
    expect(fleet.history('b').map(({ at }) => at)).toEqual([500]);
    for (let i = 0; i < 3 * KEPT; i++) frame(600 + i, row('b', i));
    expect(fleet.history('b')).toHaveLength(KEPT);
  });

  it('sorts by service, then by the numbers in ids', () => {
    const fleet = new Fleet();
    const ids = ['n10', 'n9', 'n1'].map((id) => instance(id));
    const twins = ['s1', 's01', 's1', 's01'].map((service, i) => instance(`t${i}`, { service }));
    const instances = [...twins, ...ids, instance('z', { service: 'a' })];
    fleet.snapshot({ type: 'snapshot', revision: 1, instances });
    expect(fleet.sorted().map(({ id }) => id)).toEqual([
      'z',
      'n1',
      'n9',
      'n10',
      't1',
      't3',
      't0',
      't2',
    ]);
  });
});

describe('messages', () => {
  it('are read or left out, whatever comes', () => {
    const types = fc.constantFrom('snapshot', 'change', 'frame', 'protection', 'news');
    fc.assert(
      fc.property(types, fc.oneof(fc.string(), fc.json()), (type, text) => {
        const message = readMessage(type, text);
        expect(message === undefined || message.type === type).toBe(true);
      }),
    );
    for (const value of [null, 7, [], {}, { id: 5 }, { id: '' }]) {
      expect(readInstance(value)).toBeUndefined();
    }
  });

  it('of a newer service keep what is known of them', () => {
    const odd = { id: 'a', status: 'on-holiday', signals: 7, meta: { n: 1 }, shoeSize: 44 };
    const text = JSON.stringify({ revision: 1, instances: [odd, null, { id: 'b' }], more: true });
    const message = readMessage('snapshot', text);
    expect(message).toMatchObject({ instances: [{ id: 'a', meta: { n: '1' } }, { id: 'b' }] });
    expect(lookOf('on-holiday')).toMatchObject({ word: 'on-holiday', shape: 'square' });
    const edge = readMessage('protection', '{"rule":"tides","active":true,"at":5}');
    expect(edge).toMatchObject({ rule: 'tides', active: true });
  });

  it('with Infinity, which JSON writes as null, have no such figure', () => {
    const text = '{"at":1,"rows":[["a",0.5,null,100,1000,null,null,1],[7],[]]}';
    const message = readMessage('frame', text);
    expect(message).toMatchObject({
      rows: [{ id: 'a', phi: 0.5, peak: undefined, stdDev: undefined, suspectIn: undefined }],
    });
    expect(message?.type === 'frame' && message.rows).toHaveLength(1);
  });
});

describe('the window of a long list', () => {
  it('has every row that is in sight, and few others', () => {
    const natural = (max: number) => fc.integer({ min: 0, max });
    const sizes = fc.tuple(natural(100_000), natural(2000), fc.integer({ min: 20, max: 90 }));
    fc.assert(
      fc.property(sizes, natural(5000), ([scrollTop, height, rowHeight], rows) => {
        const { from, to } = visible({ scrollTop, height, rowHeight }, rows);
        expect(from).toBeGreaterThanOrEqual(0);
        expect(to).toBeLessThanOrEqual(rows);
        expect(to - from).toBeLessThanOrEqual(height / rowHeight + 10);
        for (let i = 0; i < rows; i++) {
          const inSight = i * rowHeight < scrollTop + height && (i + 1) * rowHeight > scrollTop;
          if (inSight && (i < from || i >= to)) expect.fail(`row ${i} is missing`);
        }
      }),
    );
  });

  it('is scrolled no further than a row needs', () => {
    const port = { scrollTop: 440, height: 440, rowHeight: 44 };
    expect(reveal(port, 15)).toBe(440);
    expect(reveal(port, 9)).toBe(396);
    expect(reveal(port, 20)).toBe(484);
    expect(reveal({ ...port, height: 30 }, 20)).toBe(880); // its beginning, where it does not fit
  });
});

describe('rows', () => {
  const list = [
    instance('a1', { service: 'A', status: 'dead' }),
    instance('a2', { service: 'A', meta: { zone: 'Eu-West' } }),
    instance('b1', { service: 'B', draining: true }),
  ];
  const shown = (more: Partial<View>) =>
    rowsOf(list, view(more)).map((row) => (row.kind === 'group' ? row.service : row.instance.id));

  it('are grouped, folded, searched and filtered', () => {
    expect(shown({})).toEqual(['A', 'a1', 'a2', 'B', 'b1']);
    expect(shown({ grouped: false })).toEqual(['a1', 'a2', 'b1']);
    expect(shown({ folded: new Set(['A']) })).toEqual(['A', 'B', 'b1']);
    expect(shown({ search: ' EU-west a ' })).toEqual(['A', 'a2']);
    expect(shown({ search: 'draining' })).toEqual(['B', 'b1']);
    expect(shown({ status: 'dead' })).toEqual(['A', 'a1']);
    expect(shown({ search: 'nobody' })).toEqual([]);
    expect(matches(list[0], '.*')).toBe(false); // no pattern
  });
});

describe('figures', () => {
  it.each([
    [0, '0.0 s'],
    [-5, '0.0 s'],
    [9940, '9.9 s'],
    [9960, '10 s'],
    [119_400, '119 s'],
    [119_600, '2:00 min'],
    [3_599_400, '59:59 min'],
    [3_599_600, '1:00 h'],
    [86_399_000, '23:59 h'],
    [129_600_000, '1.5 d'],
    [undefined, '–'],
  ])('a duration of %s ms is %s', (ms, text) => expect(duration(ms)).toBe(text));

  it.each([
    [0, '0.00'],
    [9.994, '9.99'],
    [9.996, '10.0'],
    [99.96, '100'],
    [1e150, '> 999'],
    [undefined, '–'],
  ])('φ %s is %s', (value, text) => expect(phi(value)).toBe(text));

  it('intervals have their milliseconds', () => {
    expect([interval(3.21), interval(450.4), interval(1004)]).toEqual([
      '3.2 ms',
      '450 ms',
      '1.00 s',
    ]);
  });
});

describe('the curve in a row', () => {
  it('keeps the newest, and moves by a place with each', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: 0, max: 20, noNaN: true })),
        fc.integer({ min: 1, max: 9 }),
        (values, size) => {
          const ring = new PhiRing(size);
          for (const value of values) ring.push(value);
          const kept = Array.from({ length: ring.length }, (_, i) => ring.newest(i));
          expect(kept).toEqual(values.slice(-size).reverse());
          expect(ring.newest(ring.length)).toBeNaN();
        },
      ),
    );
    const ring = new PhiRing(4);
    expect(pointsOf(ring, 4, 8, 20)).toBe('');
    for (const value of [0, 2, 100]) ring.push(value);
    expect(pointsOf(ring, 4, 8, 20)).toBe('2,20.0 4,10.0 6,0.0');
    ring.push(8);
    expect(pointsOf(ring, 4, 8, 20)).toBe('0,20.0 2,10.0 4,0.0 6,0.0');
  });
});

describe('φ between frames', () => {
  const model = arrivalModels.normal;
  const sample = (at: number, silence: number, more: Partial<Sample> = {}): Sample => ({
    id: 'a',
    at,
    silence,
    phi: model.phi(silence, 1000, 100),
    peak: undefined,
    mean: 1000,
    stdDev: 100,
    suspectIn: undefined,
    weight: 1,
    ...more,
  });

  it('falls at the heartbeats, and is the model’s elsewhere', () => {
    // Heartbeats at 0, 1100 and 1900.
    const curve = curveOf([sample(500, 500), sample(1500, 400), sample(2500, 600)], model);
    const beats = [0, 1100, 1900];
    for (const [i, at] of curve.at.entries()) {
      if (i > 0) expect(at).toBeGreaterThan(curve.at[i - 1]);
      const before = beats.filter((beat) => beat <= at - 0.01).at(-1) ?? 0;
      const isEdge = beats.some((beat) => Math.abs(at - beat) < 0.1);
      if (!isEdge) expect(curve.phi[i]).toBeCloseTo(model.phi(at - before, 1000, 100), 2);
    }
    // The silence of 1100 ms is its highest point, though no frame saw it.
    expect(Math.max(...curve.phi)).toBeCloseTo(model.phi(1100, 1000, 100), 6);
  });

  it('rises all the way when nothing is heard', () => {
    const curve = curveOf([sample(500, 500), sample(1500, 1500), sample(2500, 2500)], model);
    for (let i = 1; i < curve.phi.length; i++) {
      expect(curve.phi[i]).toBeGreaterThanOrEqual(curve.phi[i - 1]);
    }
    const ahead = ifSilent(sample(500, 500), model, 2000);
    expect(ahead.at[0]).toBe(500);
    expect(ahead.phi.at(-1)).toBeCloseTo(model.phi(2500, 1000, 100), 6);
  });

  it('is what frames say where the page cannot compute it', () => {
    const calibrated = [
      sample(0, 100, { phi: 3, stdDev: undefined }),
      sample(1000, 200, { phi: 4, stdDev: undefined }),
    ];
    expect(curveOf(calibrated, undefined)).toEqual({ at: [0, 1000], phi: [3, 4] });
    expect(curveOf(calibrated, model)).toEqual({ at: [0, 1000], phi: [3, 4] });
    // With an acceptable pause the registry says less than the model alone.
    const paused = [sample(0, 1200, { phi: 0.1 }), sample(1000, 2200, { phi: 0.5 })];
    expect(curveOf(paused, model).phi).toEqual([0.1, 0.5]);
    expect(ifSilent(paused[1], model, 1000).at).toEqual([]);
  });

  it('counts down to a suspicion, but not past a heartbeat that is due and not yet told of', () => {
    const figures = { ...sample(0, 50), mean: 200, suspectIn: 430 };
    expect(suspicionIn(figures, 100)).toBe(330);
    expect(suspicionIn(figures, 900)).toBe(280); // it was due after 150 ms
    const late = { ...figures, silence: 250, suspectIn: 230 };
    expect(suspicionIn(late, 100)).toBe(130);
    expect(suspicionIn(late, 900)).toBe(0);
    expect(suspicionIn({ ...late, suspectIn: -100 }, 900)).toBe(-1000);
    expect(suspicionIn({ ...late, suspectIn: undefined }, 900)).toBeUndefined();
  });

  it('is shown for so long that heartbeats are told apart', () => {
    expect(spanOf(undefined)).toEqual(spanOf(1000));
    expect(spanOf(1000).past).toBe(45);
    for (const mean of [1, 50, 200, 500]) expect(spanOf(mean).past).toBeLessThanOrEqual(25);
    for (const mean of [200, 1000, 5000, 10_000]) {
      expect(1000 * spanOf(mean).ahead).toBeGreaterThan(2.4 * mean); // φ 8 at the floor of σ
    }
  });

  it('of a fast sender is the peaks', () => {
    const fast = (at: number, peak: number) =>
      sample(at, 5, { mean: 10, stdDev: 1, phi: model.phi(5, 10, 1), peak });
    expect(curveOf([fast(0, 1), fast(1000, 2)], model).phi[1]).toBe(2);
  });

  it('has the service’s clock, whatever a frame took on its way', () => {
    const time = new ServiceTime();
    expect(time.at(0)).toBeUndefined();
    for (let i = 0; i < 20; i++) time.heard(50_000 + 1000 * i, 1000 * i + (i % 4 === 0 ? 5 : 150));
    expect(Math.abs(time.at(20_000)! - (70_000 - 5))).toBeLessThan(30);
    time.heard(1000, 20_000); // started anew
    expect(time.at(20_000)).toBe(1000);
  });

  it('has the service’s dates, whatever this machine’s clock says', () => {
    const time = new ServiceTime();
    expect(time.wall(5)).toBe(5);
    time.told(7_200_000, 3_600_000);
    expect(time.wall(3_600_010)).toBe(7_200_010);
  });
});

describe('the histogram', () => {
  it('counts every interval once, and expects as many', () => {
    const samples = fc.array(fc.double({ min: 0, max: 5000, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(samples, (values) => {
        const fit = { model: 'normal', mean: 1000, stdDev: 100 };
        const { counts, expected, at, width } = histogramOf(values, fit)!;
        expect(counts.reduce((sum, n) => sum + n, 0)).toBe(values.length);
        const beyond = expected!.reduce((sum, n) => sum + n, 0);
        expect(beyond).toBeGreaterThan(0.99 * values.length);
        expect(beyond).toBeLessThanOrEqual(1.0001 * values.length);
        expect(at[1] - at[0]).toBeCloseTo(width, 6);
      }),
    );
    const one = { model: undefined, mean: undefined, stdDev: undefined };
    expect(histogramOf([7], one)).toMatchObject({ expected: undefined });
    expect(histogramOf([], one)).toBeUndefined();
  });
});

describe('what is said', () => {
  const change = (kind: string, more: object, reason?: string) =>
    entryOf({ type: 'change', revision: 1, kind, instance: instance('a', more), reason }, 99);

  it('of changes has their reasons and times', () => {
    const dead = change('status', { status: 'dead', changedAt: 5 }, 'silence');
    expect(dead).toMatchObject({ at: 5, id: 'a', text: 'dead: silence', tone: 'bad' });
    expect(change('registered', { generation: 3 })?.text).toBe('registered, generation 3');
    expect(change('draining', { draining: true })?.text).toBe('draining');
    expect(change('draining', {})?.text).toBe('no longer draining');
    expect(change('promoted', {})).toMatchObject({ text: 'promoted', at: 99 });
    expect(change('signals', {})).toBeUndefined();
  });

  it('of edges leaves short stalls out', () => {
    const edge = (text: string) => {
      const message = readMessage('protection', text);
      return message?.type === 'protection' ? entryOfEdge(message, 9)?.text : 'none';
    };
    expect(edge('{"rule":"stall","active":false,"duration":80}')).toBeUndefined();
    const long = edge('{"rule":"stall","active":false,"duration":1500}');
    expect(long).toBe('protection: stalled for 1.5 s');
    const panic = edge('{"rule":"panic","active":false,"service":"web"}');
    expect(panic).toBe('protection: panic of web ends');
    const silence = edge('{"rule":"mass-silence","active":true,"signal":"process"}');
    expect(silence).toBe('protection: mass-silence of the process signals begins');
  });

  it('aloud is names while they are few, then numbers', () => {
    const entry = (id: string, text: string): Entry => ({ at: 0, id, text, tone: 'bad' });
    expect(announcement([entry('a', 'dead: silence')])).toBe('a dead: silence');
    const many = ['a', 'b', 'c'].map((id) => entry(id, 'dead: silence'));
    expect(announcement([...many, entry('d', 'available')])).toBe('4 events: 3 dead, 1 available');
  });

  it('in the log is bounded, newest first', () => {
    const log = new Log(3);
    for (let i = 0; i < 5; i++) log.add({ at: i, id: String(i % 2), text: '', tone: '' });
    expect(log.entries().map(({ at }) => at)).toEqual([4, 3, 2]);
  });

  it('of every status is a word and a shape of its own', () => {
    const looks = STATUSES.map(lookOf);
    expect(new Set(looks.map(({ shape }) => shape)).size).toBe(STATUSES.length);
    expect(new Set(looks.map(({ word }) => word)).size).toBe(STATUSES.length);
  });

  it('of protection names what is in force, and nothing of what is not', () => {
    expect(noticesOf(undefined)).toEqual([]);
    const stall = { count: 2, total: 3000, last: { at: 5, duration: 1200 } };
    const quiet = { stall, massSilence: { active: false, overdue: 0, watched: 9 }, panic: [] };
    const links = { down: 0, waiting: 0 };
    expect(noticesOf({ ...quiet, removal: { frozen: false, candidates: 0 }, links })).toEqual([]);
    const all = {
      stall,
      massSilence: { active: true, overdue: 4, watched: 10 },
      panic: [{ service: 'orders', available: 4, n: 10 }],
      removal: { frozen: true, reason: 'most-down', candidates: 1, overdue15min: true },
      outliers: [{ service: 'orders', figure: 'cpu', standOut: ['b', 'c', 'd', 'e'], out: ['b'] }],
      links: { down: 1, waiting: 2 },
      news: 'unknown',
    };
    const notices = noticesOf(all, 5000);
    expect(notices.map(({ rule }) => rule)).toEqual([
      'stall',
      'mass-silence',
      'panic',
      'removal',
      'outliers',
      'links',
      'links',
    ]);
    expect(notices[0].text).toContain('could not run for 5.0 s');
    expect(notices[2].text).toContain('4 of 10 are available (40 %)');
    expect(notices[3].text).toContain('1 candidate. For more than 15 minutes');
    expect(notices[4].text).toContain('cpu of b, c, d and 1 more is far');
    expect(notices[5].text).toContain('1 link down');
    expect(notices[6].text).toContain('2 instances of before');
  });

  it('of an instance explains it in numbers', () => {
    const service = {
      phi: 0.2,
      silence: 400,
      mean: 1000,
      stdDev: 20,
      stdDevUsed: 100,
      floor: 'relative',
      sampleCount: 200,
      model: 'normal',
      threshold: 8,
      loss: { received: 97, lost: 3 },
      flaps: 1,
    };
    const detail = readDetail({
      service,
      held: ['mass-silence'],
      probe: { missed: 2, unreached: true },
      figures: { cpu: 0.123456, junk: 'x' },
      history: [
        { at: 7, kind: 'status', status: 'dead', reason: 'silence' },
        { kind: 'odd' },
        { at: 8, kind: 'draining', status: 'dead', draining: true, reason: 'operator' },
        { at: 9, kind: 'draining', status: 'dead', draining: false },
      ],
      lease: { expiresIn: 29_600 },
      intervals: { samples: [1000, 'x', null, 990], mean: 1000, stdDev: 20, model: 'normal' },
      thresholds: { late: 1, critical: 3, missing: 8 },
    });
    expect(detail.samples).toEqual([1000, 990]);
    expect(detail.fit).toEqual({ model: 'normal', mean: 1000, stdDev: 100 });
    expect(detail.thresholds).toEqual([1, 3, 8]);
    expect(detail.history).toMatchObject([
      { at: 7, text: 'dead: silence', tone: 'bad' },
      { at: 8, text: 'draining: operator' },
      { at: 9, text: 'no longer draining' },
    ]);
    const text = sentencesOf(detail, instance('a', { routable: true })).join('\n');
    for (const part of [
      'silent for 0.4 s, φ 0.20',
      'every 1.00 s ± 20 ms, from 200 intervals',
      'raised to its relative floor of 100 ms',
      '3 of 100 heartbeats were lost (3 %)',
      '1 return from suspicion',
      'stands in the way: many are silent at once',
      'lease ends in 30 s',
      'missed 2 polls in a row. At present it cannot be polled',
      'says of itself: cpu 0.1235.',
    ]) {
      expect(text).toContain(part);
    }
    expect(readThresholds([8, 'x', 1, 8])).toEqual([1, 8]);
    expect(sentencesOf(readDetail(null), instance('a')).length).toBeGreaterThan(0);
  });
});

describe('the address of an instance', () => {
  it('brings back any id, and names nobody else', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (id) => {
        expect(idOf(fragmentOf(id))).toBe(id);
      }),
    );
    for (const other of ['', '#', '#list', '#instance=', '#instance=%', 'instance=a']) {
      expect(idOf(other)).toBeUndefined();
    }
  });
});

describe('the connection', () => {
  class Fake implements Source {
    readyState = 0;
    onopen: ((event: Event) => void) | null = null;
    onerror: ((event: Event) => void) | null = null;
    readonly listeners = new Map<string, (event: MessageEvent<string>) => void>();
    addEventListener = (type: string, listener: (event: MessageEvent<string>) => void) => {
      this.listeners.set(type, listener);
    };
    close = () => {
      this.readyState = 2;
    };
    fail(readyState: number) {
      this.readyState = readyState;
      this.onerror?.(new Event('error'));
    }
    say(type: string, data: string) {
      this.listeners.get(type)?.(new MessageEvent(type, { data }));
    }
  }

  function make() {
    const sources: Fake[] = [];
    const states: ConnectionState[] = [];
    const heard: string[] = [];
    const world = { now: 1000, refused: 0 };
    const connection = new Connection({
      open: () => {
        sources.push(new Fake());
        return sources[sources.length - 1];
      },
      types: ['frame'],
      onMessage: (type, text) => heard.push(`${type} ${text}`),
      onState: (state) => states.push(state),
      onRefused: () => world.refused++,
      now: () => world.now,
    });
    return { connection, sources, states, heard, world };
  }

  it('says that it is lost, back, and silent though open', () => {
    const { connection, sources, states, heard, world } = make();
    connection.open();
    sources[0].onopen?.(new Event('open'));
    sources[0].say('frame', '1');
    sources[0].fail(0); // the browser tries again
    sources[0].onopen?.(new Event('open'));
    world.now += 3000;
    connection.tick();
    expect(connection.state).toBe('live');
    world.now += 1000;
    connection.tick();
    expect(connection.state).toBe('silent');
    sources[0].say('frame', '2');
    expect(states).toEqual(['connecting', 'live', 'reconnecting', 'live', 'silent', 'live']);
    expect(heard).toEqual(['frame 1', 'frame 2']);
    expect(world.refused).toBe(0);
  });

  it('that was refused is tried again, later and later', () => {
    const { connection, sources, world } = make();
    connection.open();
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      sources[i].fail(2);
      expect(world.refused).toBe(i + 1);
      connection.retry();
      const since = world.now;
      while (sources.length === i + 1) {
        world.now += 100;
        connection.tick();
      }
      waits.push(world.now - since);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000]);
    sources[6].onopen?.(new Event('open'));
    expect(connection.state).toBe('live');
    connection.close();
    world.now += 60_000;
    connection.tick();
    expect([connection.state, sources.length]).toEqual(['closed', 7]);
  });
});
