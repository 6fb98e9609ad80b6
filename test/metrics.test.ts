/** Metrics in real registries, read back from the text that Prometheus gets; real channels. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { type OpenMetricsContentType, Registry, register } from 'prom-client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type Explanation,
  FailureDetector,
  type FailureDetectorOptions,
  type Transition,
} from '../src/index.js';
import {
  type CollectOptions,
  collectMetrics,
  type MetricsRegistry,
  type Published,
  publishEvents,
} from '../src/metrics/metrics.js';

afterEach(() => {
  register.clear();
  vi.restoreAllMocks();
});

/** A detector under the caller's clock. */
function world<Id = string>(options: FailureDetectorOptions = {}) {
  const clock = { now: 0 };
  const detector = new FailureDetector<Id>({ clock: () => clock.now, timers: false, ...options });
  return {
    clock,
    detector,
    to(now: number) {
      clock.now = now;
      detector.advance();
    },
  };
}

/** A detector with metrics in a registry of its own. */
function collected(options: CollectOptions = {}, detectorOptions: FailureDetectorOptions = {}) {
  const registry = new Registry();
  const made = world(detectorOptions);
  const collection = collectMetrics(made.detector, { registry, ...options });
  return { ...made, registry, collection, scrape: () => scrape(registry) };
}

const ESCAPED: Record<string, string> = { '\\\\': '\\', '\\n': '\n', '\\"': '"' };
const plain = (text: string) => text.replace(/\\[\\n"]/g, (each) => ESCAPED[each]);

/** A scrape: values by metric, and within it by label values, `-` for a metric without labels. */
async function scrape(registry: MetricsRegistry): Promise<Record<string, Record<string, number>>> {
  const metrics: Record<string, Record<string, number>> = {};
  for (const line of (await registry.metrics()).split('\n')) {
    if (line === '' || line.startsWith('# HELP') || line.startsWith('# EOF')) continue;
    const type = /^# TYPE (\S+) (counter|gauge)$/.exec(line);
    if (type) {
      metrics[type[1]] = {};
      continue;
    }
    const sample = /^([\w:]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!sample) throw new Error(`not of the text format: ${line}`);
    const [, name, labels = '', value] = sample;
    const values = Array.from(labels.matchAll(/\w+="((?:[^"\\]|\\.)*)"(?:,|$)/g), ([, v]) =>
      plain(v),
    );
    const family = (metrics[name] ?? metrics[name.replace(/_total$/, '')]) as object;
    const key = values.join(' ') || '-';
    expect(family, `${name}{${key}} stands once, below its type`).not.toHaveProperty([key]);
    Object.assign(family, { [key]: Number(value) });
  }
  return metrics;
}

/** What a detector may say, without the circumstances under which it would. */
function talkative() {
  const emitter = new EventEmitter();
  const silent = {
    size: 0,
    dropped: {},
    now: vi.fn(() => 0),
    peers: () => [],
    suspects: () => [],
    status: vi.fn(() => undefined),
    on(event: string, listener: () => void, options?: { signal?: AbortSignal }) {
      emitter.on(event, listener);
      options?.signal?.addEventListener('abort', () => emitter.off(event, listener));
    },
  };
  const detector = silent as typeof silent & FailureDetector;
  return { detector, emitter, say: (event: string, of: object) => emitter.emit(event, of) };
}

describe('collectMetrics: what a scrape tells', () => {
  it('is what the detector says at the instant of the scrape', async () => {
    const { clock, detector, to, scrape } = collected();
    detector.heartbeat('a', 0);
    detector.watch('b');
    detector.heartbeat('a', 0);
    detector.heartbeat('a', Number.NaN);
    clock.now = 1500;
    expect(await scrape()).toEqual({
      phi_accrual_peers: { '-': 2 },
      phi_accrual_suspects: { '-': 0 },
      phi_accrual_omitted_peers: { '-': 0 },
      phi_accrual_peer_phi: { a: detector.phi('a'), b: detector.phi('b') },
      phi_accrual_peer_silence_seconds: { a: 1.5, b: 1.5 },
      phi_accrual_peer_suspect: { a: 0, b: 0 },
      phi_accrual_peer_transitions_total: {
        'a suspect': 0,
        'a available': 0,
        'b suspect': 0,
        'b available': 0,
      },
      phi_accrual_peer_restarts_total: { a: 0, b: 0 },
      phi_accrual_peer_flaps: { a: 0, b: 0 },
      phi_accrual_peer_heartbeat_loss_ratio: {},
      phi_accrual_transitions_total: { suspect: 0, available: 0 },
      phi_accrual_dropped_total: { ...detector.dropped },
      phi_accrual_left_total: { '-': 0 },
      phi_accrual_refused_total: { '-': 0 },
      phi_accrual_clock_steps_total: { '-': 0 },
      phi_accrual_stalls_total: { '-': 0 },
      phi_accrual_stall_seconds_total: { '-': 0 },
      phi_accrual_mass_silences_total: { '-': 0 },
      phi_accrual_mass_silence_active: { '-': 0 },
    });
    expect(detector.dropped).toMatchObject({ duplicate: 1, 'invalid-time': 1 });
    expect(detector.phi('a')).toBeGreaterThan(1);
    to(3000);
    expect(await scrape()).toMatchObject({
      phi_accrual_suspects: { '-': 2 },
      phi_accrual_peer_phi: { a: detector.phi('a') },
      phi_accrual_peer_silence_seconds: { a: 3 },
      phi_accrual_peer_suspect: { a: 1, b: 1 },
      phi_accrual_peer_transitions_total: { 'a suspect': 1, 'a available': 0 },
      phi_accrual_transitions_total: { suspect: 2, available: 0 },
    });
  });

  it('is no negative silence, for a heartbeat that is ahead of the clock', async () => {
    const { detector, scrape } = collected();
    detector.heartbeat('a', 500);
    expect((await scrape()).phi_accrual_peer_silence_seconds).toEqual({ a: 0 });
  });

  it('forgets a forgotten peer, its counters too, but not what all peers did', async () => {
    const { detector, to, scrape } = collected();
    for (const id of ['a', 'b']) detector.watch(id);
    to(3000);
    for (const id of ['a', 'b']) detector.heartbeat(id);
    to(10_000);
    detector.forget('a');
    const metrics = await scrape();
    expect(JSON.stringify(metrics)).not.toMatch(/"a\b/);
    expect(metrics.phi_accrual_peer_transitions_total).toEqual({
      'b suspect': 2,
      'b available': 1,
    });
    expect(metrics.phi_accrual_transitions_total).toEqual({ suspect: 4, available: 2 });
    detector.watch('a');
    expect((await scrape()).phi_accrual_peer_transitions_total).toMatchObject({ 'a suspect': 0 });
  });

  it('is of one instant, for which the detector is read once', async () => {
    const { detector } = talkative();
    const registry = new Registry();
    collectMetrics(detector, { registry });
    await registry.metrics();
    expect(detector.now).toHaveBeenCalledTimes(1);
    await registry.getMetricsAsJSON();
    expect(detector.now).toHaveBeenCalledTimes(2);
    await registry.getSingleMetricAsString('phi_accrual_peer_phi');
    expect(detector.now).toHaveBeenCalledTimes(3);
  });

  it('counts stalls and mass silences', async () => {
    const { detector, say } = talkative();
    const registry = new Registry();
    const collection = collectMetrics(detector, { registry });
    say('stall', { at: 0, duration: 1500 });
    say('stall', { at: 0, duration: 250 });
    for (const active of [true, true, false, true]) say('mass-silence', { active });
    expect(await scrape(registry)).toMatchObject({
      phi_accrual_stalls_total: { '-': 2 },
      phi_accrual_stall_seconds_total: { '-': 1.75 },
      phi_accrual_mass_silences_total: { '-': 2 },
      phi_accrual_mass_silence_active: { '-': 1 },
    });
    say('mass-silence', { active: false });
    expect(await scrape(registry)).toMatchObject({
      phi_accrual_mass_silences_total: { '-': 2 },
      phi_accrual_mass_silence_active: { '-': 0 },
    });
    collection.stop();
  });

  it('counts the mass silence of each group, and is active until the last one ends', async () => {
    const { detector, say } = talkative();
    const registry = new Registry();
    collectMetrics(detector, { registry });
    const seen = async () => {
      const all = await scrape(registry);
      return [all.phi_accrual_mass_silences_total['-'], all.phi_accrual_mass_silence_active['-']];
    };
    say('mass-silence', { active: true, group: 'eu' });
    say('mass-silence', { active: true, group: 'us' });
    say('mass-silence', { active: true });
    expect(await seen()).toEqual([3, 1]);
    say('mass-silence', { active: false, group: 'eu' });
    say('mass-silence', { active: false });
    expect(await seen()).toEqual([3, 1]);
    say('mass-silence', { active: false, group: 'us' });
    expect(await seen()).toEqual([3, 0]);
  });

  it('counts who left, whose heartbeats are refused while suspected, and steps of the clock', async () => {
    const { detector, clock, to, scrape } = collected();
    for (const id of ['a', 'b']) detector.heartbeat(id, 0, { incarnation: 2, sequence: 1 });
    detector.leave('a');
    to(9000);
    expect(detector.status('b')).toBe('suspect');
    for (let sequence = 1; sequence < 4; sequence++) {
      detector.heartbeat('b', 9000, { incarnation: 1, sequence });
    }
    to(3000);
    clock.now = 2000;
    expect(await scrape()).toMatchObject({
      phi_accrual_left_total: { '-': 1 },
      phi_accrual_refused_total: { '-': 1 },
      phi_accrual_clock_steps_total: { '-': 1 },
      phi_accrual_transitions_total: { suspect: 1, available: 0 },
      phi_accrual_stalls_total: { '-': 0 },
    });
  });

  it('tells of a mass silence that a detector sees', async () => {
    const { detector, clock, to, scrape } = collected();
    const ids = Array.from('abcdefghij');
    const active = async () => (await scrape()).phi_accrual_mass_silence_active['-'];
    for (let beat = 0; beat < 10; beat++) {
      for (const id of ids) detector.heartbeat(id);
      to(clock.now + 1000);
    }
    expect(await active()).toBe(0);
    for (let ms = 0; ms < 3000; ms += 100) to(clock.now + 100);
    expect(await active()).toBe(1);
    for (let beat = 0; beat < 10; beat++) {
      for (const id of ids) detector.heartbeat(id);
      to(clock.now + 1000);
    }
    expect(await scrape()).toMatchObject({
      phi_accrual_mass_silences_total: { '-': 1 },
      phi_accrual_mass_silence_active: { '-': 0 },
      phi_accrual_transitions_total: { suspect: 0 },
    });
  });

  it('tells of restarts, flaps, and the loss of peers whose heartbeats are numbered', async () => {
    const { detector, clock, to, scrape } = collected();
    detector.watch('plain');
    const beats = (incarnation: number, sequences: number[]) => {
      for (const sequence of sequences) {
        to(clock.now + 1000);
        detector.heartbeat('a', clock.now, { incarnation, sequence });
      }
    };
    beats(1, [1, 2, 4]);
    beats(2, [1, 2]);
    to(clock.now + 10_000);
    beats(2, [3, 4]);
    const { restarts, flaps, loss } = detector.explain('a') as Explanation;
    expect({ restarts, flaps }).toEqual({ restarts: 1, flaps: 1 });
    expect(loss.lost).toBe(1);
    expect(await scrape()).toMatchObject({
      phi_accrual_peer_restarts_total: { plain: 0, a: 1 },
      phi_accrual_peer_flaps: { plain: 0, a: 1 },
    });
    expect((await scrape()).phi_accrual_peer_heartbeat_loss_ratio).toEqual({ a: loss.rate });
  });

  it('keeps no counts of forgotten peers, though nobody scrapes', async () => {
    const { detector, say } = talkative();
    const registry = new Registry();
    collectMetrics(detector, { registry });
    for (let i = 0; i < 10_000; i++) say('suspect', { peer: `guest-${i}` });
    detector.status.mockClear();
    expect((await scrape(registry)).phi_accrual_transitions_total.suspect).toBe(10_000);
    expect(detector.status.mock.calls.length).toBeLessThanOrEqual(1000);
  });

  it('takes any id, as a label that does no harm', async () => {
    const ids = ['"', '\\', '\n', 'a,event:suspect', '}', 'constructor', 'é', '', ' '];
    const { detector, registry } = collected();
    for (const id of ids) detector.watch(id);
    const series = (await scrape(registry)).phi_accrual_peer_phi;
    expect(Object.keys(series).sort()).toEqual(ids.map((id) => id || '-').sort());
    // As UTF-8 these two are the same, and the same series twice makes a scrape fail.
    detector.watch('\ud800');
    detector.watch('\udbff');
    expect(Object.keys((await scrape(registry)).phi_accrual_peer_phi)).toContain('\ufffd');
  });

  it('labels ids that are no strings', async () => {
    const numbers = world<number>();
    const objects = world<{ host: string }>();
    const registry = new Registry();
    collectMetrics(numbers.detector, { registry, name: 'n' });
    collectMetrics(objects.detector, { registry, name: 'o', label: ({ host }) => host });
    numbers.detector.watch(7);
    for (const host of ['x', 'y', 'x']) objects.detector.watch({ host });
    const series = (await scrape(registry)).phi_accrual_peer_suspect;
    expect(series).toEqual({ 'n 7': 0, 'o x': 0, 'o y': 0 });
  });

  it('is still told of a closed detector', async () => {
    const { detector, to, scrape } = collected();
    detector.watch('a');
    to(5000);
    detector.close();
    expect(await scrape()).toMatchObject({
      phi_accrual_peers: { '-': 0 },
      phi_accrual_suspects: { '-': 0 },
      phi_accrual_peer_phi: {},
      phi_accrual_peer_transitions_total: {},
      phi_accrual_transitions_total: { suspect: 1, available: 0 },
    });
  });

  it('follows the names of OpenMetrics in a registry of that format', async () => {
    const registry = new Registry<OpenMetricsContentType>();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    const { detector } = world();
    const collection = collectMetrics(detector, { registry });
    detector.watch('a');
    const text = await registry.metrics();
    expect(text).toContain('# TYPE phi_accrual_transitions counter');
    expect(text).toContain('phi_accrual_transitions_total{event="suspect"} 0');
    expect(text).toContain('phi_accrual_peer_suspect{peer="a"} 0');
    collection.stop(); // prom-client has renamed the counters by now
    expect(registry.getMetricsAsArray()).toEqual([]);
  });
});

describe('collectMetrics: maxSeries', () => {
  it('leaves peers out, suspects last, and says how many', async () => {
    const { detector, to, scrape } = collected({ maxSeries: 3 });
    for (const id of ['a', 'b', 'c', 'd', 'e']) detector.watch(id);
    expect(Object.keys((await scrape()).phi_accrual_peer_phi)).toEqual(['a', 'b', 'c']);
    to(2000);
    for (const id of ['a', 'b', 'd']) detector.heartbeat(id);
    to(3000);
    const metrics = await scrape();
    expect(metrics.phi_accrual_peer_suspect).toEqual({ c: 1, e: 1, a: 0 });
    expect(metrics).toMatchObject({
      phi_accrual_peers: { '-': 5 },
      phi_accrual_suspects: { '-': 2 },
      phi_accrual_omitted_peers: { '-': 2 },
    });
  });

  it('holds, whatever the peers do', async () => {
    const id = fc.constantFrom(...'abcdefgh');
    const act = fc.oneof(
      fc.record({ act: fc.constantFrom('watch', 'heartbeat', 'forget'), id }),
      fc.record({ act: fc.constant('pass'), ms: fc.nat({ max: 4000 }) }),
      fc.record({ act: fc.constant('scrape') }),
    );
    const acts = fc.array(act as fc.Arbitrary<{ act: string; id?: string; ms?: number }>, {
      maxLength: 60,
    });
    const property = fc.asyncProperty(acts, fc.nat({ max: 10 }), async (all, maxSeries) => {
      const { clock, detector, to, scrape, collection } = collected({ maxSeries });
      const suspected: Record<string, number> = {};
      detector.on('suspect', ({ peer }) => {
        suspected[peer] = (suspected[peer] ?? 0) + 1;
      });
      for (const { act, id = '', ms = 0 } of all.concat({ act: 'scrape' })) {
        if (act === 'watch') detector.watch(id);
        else if (act === 'heartbeat') detector.heartbeat(id);
        else if (act === 'pass') to(clock.now + ms);
        if (act === 'forget') {
          detector.forget(id);
          delete suspected[id];
        }
        // A peer that is forgotten and watched anew between two scrapes goes on counting.
        if (act !== 'scrape' && act !== 'forget') continue;
        const metrics = await scrape();
        const suspects = [...detector.suspects()];
        const others = [...detector.peers()].filter((peer) => !suspects.includes(peer));
        const shown = [...suspects, ...others].slice(0, maxSeries);
        for (const name of ['peer_phi', 'peer_suspect']) {
          expect(Object.keys(metrics[`phi_accrual_${name}`])).toEqual(shown);
        }
        const counts = metrics.phi_accrual_peer_transitions_total;
        expect(Object.keys(counts)).toHaveLength(2 * shown.length);
        for (const peer of shown) expect(counts[`${peer} suspect`]).toBe(suspected[peer] ?? 0);
        expect(metrics.phi_accrual_omitted_peers['-']).toBe(detector.size - shown.length);
      }
      collection.stop();
    });
    await fc.assert(property, { numRuns: 150 });
  });
});

describe('collectMetrics: registries', () => {
  it('registers with the global one by default, and says which it is', async () => {
    const { detector } = world();
    const { registry, stop } = collectMetrics(detector);
    expect(registry).toBe(register);
    expect(await register.metrics()).toContain('\nphi_accrual_peers 0\n');
    stop();
    expect(register.getMetricsAsArray()).toEqual([]);
  });

  it('tells detectors apart by label, and lets each go by itself', async () => {
    const registry = new Registry();
    const [one, two, three] = [world(), world(), world()];
    const first = collectMetrics(one.detector, { registry, name: 'db' });
    const second = collectMetrics(two.detector, { registry, name: 'web' });
    collectMetrics(three.detector, { registry });
    one.detector.watch('a');
    two.detector.watch('a');
    two.to(5000);
    expect(await scrape(registry)).toMatchObject({
      phi_accrual_peers: { db: 1, web: 1, '-': 0 },
      phi_accrual_peer_suspect: { 'db a': 0, 'web a': 1 },
      phi_accrual_transitions_total: { 'db suspect': 0, 'web suspect': 1, suspect: 0 },
    });
    second.stop();
    second.stop();
    expect((await scrape(registry)).phi_accrual_peers).toEqual({ db: 1, '-': 0 });
    const again = collectMetrics(two.detector, { registry, name: 'web' });
    second.stop(); // not what has the name now
    expect((await scrape(registry)).phi_accrual_peers).toEqual({ db: 1, web: 1, '-': 0 });
    again.stop();
    first.stop();
    expect((await scrape(registry)).phi_accrual_peers).toEqual({ '-': 0 });
  });

  it('throws when a name is taken, and has changed nothing', async () => {
    const registry = new Registry();
    const { detector } = world();
    collectMetrics(detector, { registry });
    expect(() => collectMetrics(world().detector, { registry })).toThrow(
      'name: the registry has a detector without a name under prefix "phi_accrual_" already',
    );
    collectMetrics(detector, { registry, name: 'db' });
    const before = await registry.metrics();
    expect(() => collectMetrics(world().detector, { registry, name: 'db' })).toThrow(
      'name: the registry has a detector with the name "db" under prefix',
    );
    // x_peer_transitions_total is one of the names under either prefix.
    collectMetrics(detector, { registry, prefix: 'x_' }).stop();
    const other = collectMetrics(detector, { registry, prefix: 'x_peer_' });
    expect(() => collectMetrics(detector, { registry, prefix: 'x_' })).toThrow(
      'prefix: the registry has another metric with the name x_peer_transitions_total',
    );
    other.stop();
    // phi_accrual_omitted_peers is one of the names under either prefix.
    const prefix = 'phi_accrual_omitted_';
    const { detector: refused, emitter } = talkative();
    expect(() => collectMetrics(refused, { registry, prefix, name: 'x' })).toThrow(
      'prefix: the registry has another metric with the name phi_accrual_omitted_peers',
    );
    expect(() => collectMetrics(refused, { registry, name: 'db' })).toThrow('name: ');
    expect(emitter.eventNames()).toEqual([]);
    expect(await registry.metrics()).toBe(before);
  });

  it('serves several prefixes, also none', async () => {
    const registry = new Registry();
    const { detector } = world();
    for (const prefix of ['', 'mine:', 'a_']) collectMetrics(detector, { registry, prefix });
    expect(await scrape(registry)).toMatchObject({ peers: {}, a_peers: { '-': 0 } });
    expect(await registry.metrics()).toContain('\nmine:peers 0\n');
  });

  it('starts afresh in a registry that was cleared', async () => {
    const registry = new Registry();
    const { detector } = world();
    const old = collectMetrics(detector, { registry });
    registry.clear();
    collectMetrics(detector, { registry });
    old.stop();
    expect((await scrape(registry)).phi_accrual_peers).toEqual({ '-': 0 });
  });

  it('stops at the end of a using block', () => {
    const registry = new Registry();
    {
      using collection = collectMetrics(world().detector, { registry });
      expect(collection.registry.getMetricsAsArray()).not.toEqual([]);
    }
    expect(registry.getMetricsAsArray()).toEqual([]);
  });

  it('lets go of the detector', () => {
    const { detector, emitter } = talkative();
    const { stop } = collectMetrics(detector, { registry: new Registry() });
    expect(emitter.eventNames().sort()).toEqual([
      'available',
      'clock-step',
      'left',
      'mass-silence',
      'refused',
      'stall',
      'suspect',
    ]);
    stop();
    expect(emitter.eventNames()).toEqual([]);
  });

  it.each<[object, string]>([
    [{ maxSerie: 1 }, 'options: unknown option "maxSerie"; known are registry, prefix'],
    [{ registry: {} }, 'registry: expected a Registry of prom-client, got an object'],
    [{ prefix: 'my-app_' }, 'prefix: expected what a metric name may begin with'],
    [{ prefix: 7 }, 'prefix: expected what a metric name may begin with'],
    [{ name: '' }, 'name: expected a string that is not empty, got ""'],
    [{ maxSeries: -1 }, 'maxSeries: expected an integer from 0 to 9007199254740991, got -1'],
    [{ maxSeries: 1.5 }, 'maxSeries: expected an integer'],
    [{ label: 'peer' }, 'label: expected a function, got "peer"'],
  ])('refuses %o', (options, message) => {
    expect(() => collectMetrics(world().detector, options)).toThrow(message);
    expect(register.getMetricsAsArray()).toEqual([]);
  });

  it('refuses what is no detector', () => {
    const none = undefined as unknown as FailureDetector;
    expect(() => collectMetrics(none)).toThrow('detector: expected a FailureDetector');
    expect(() => publishEvents(none)).toThrow('detector: expected a FailureDetector');
  });
});

describe('publishEvents', () => {
  const heard: [name: string, message: Published<object>][] = [];
  const hear = (message: unknown, name: string | symbol) =>
    heard.push([String(name).replace('phi-accrual:', ''), message as Published<object>]);
  const NAMES = ['suspect', 'available', 'level', 'late', 'stall', 'mass-silence', 'error'];
  const all = NAMES.map((name) => `phi-accrual:${name}`);

  afterEach(() => {
    for (const name of all) unsubscribe(name, hear);
    heard.length = 0;
  });

  it('publishes what the detector says, and which detector it is', () => {
    const { detector, clock, to } = world({ levels: { slow: 1 } });
    const said: Transition[] = [];
    for (const event of ['level', 'suspect', 'available'] as const) {
      detector.on(event, (transition) => said.push(transition));
    }
    for (const name of all) subscribe(name, hear);
    publishEvents(detector);
    detector.heartbeat('a');
    to(3000);
    clock.now = 4000;
    detector.heartbeat('a');
    expect(heard.map(([name]) => name)).toEqual([
      'available', // for the first time
      ...['level', 'suspect', 'level', 'available', 'late'],
    ]);
    for (const [, message] of heard) expect(message.detector).toBe(detector);
    expect(heard.slice(0, 5).map(([, message]) => message)).toEqual(
      said.map((transition) => ({ ...transition, detector })),
    );
    expect(heard[5][1]).toMatchObject({ peer: 'a', at: 4000, silence: 4000 });
    // Of its own: what a subscriber does to a message does not reach the listeners.
    expect(heard[0][1]).not.toBe(said[0]);
    expect(said[0]).not.toHaveProperty('detector');
  });

  it('publishes stalls and mass silences', () => {
    const { detector, say, emitter } = talkative();
    for (const name of all) subscribe(name, hear);
    const { stop } = publishEvents(detector);
    say('stall', { at: 5, duration: 1500 });
    say('mass-silence', { at: 6, overdue: 5, watched: 8, active: true });
    expect(heard).toEqual([
      ['stall', { detector, at: 5, duration: 1500 }],
      ['mass-silence', { detector, at: 6, overdue: 5, watched: 8, active: true }],
    ]);
    stop();
    stop();
    expect(emitter.eventNames()).toEqual([]);
  });

  it('makes no message that nobody hears', () => {
    const { detector, say } = talkative();
    publishEvents(detector);
    let copies = 0;
    const payload = {
      get peer() {
        return `a${copies++}`;
      },
    };
    say('late', payload);
    expect(copies).toBe(0);
    subscribe('phi-accrual:late', hear); // after publishEvents is early enough
    say('late', payload);
    say('suspect', payload);
    expect(copies).toBe(1);
    expect(heard).toEqual([['late', { detector, peer: 'a0' }]]);
  });

  it('ends with a using block', () => {
    const { detector, to } = world();
    subscribe(all[0], hear);
    detector.watch('a');
    {
      using _ = publishEvents(detector);
    }
    to(5000);
    expect(heard).toEqual([]);
  });

  it('publishes errors, and hides none from a detector that nobody listens to', async () => {
    const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
    const { detector, clock, to } = world();
    const error = new Error('listener');
    detector.on('suspect', () => {
      throw error;
    });
    using _ = publishEvents(detector);
    detector.on('available', () => {
      throw error;
    });
    let now = 0;
    const suspect = () => to((now += 1e6));
    const available = () => detector.heartbeat('a', (clock.now = now += 1));
    detector.watch('a');
    suspect(); // nobody hears errors
    expect(printed).toHaveBeenCalledTimes(1);

    subscribe('phi-accrual:error', hear);
    available(); // of this event our listener comes first, and finds the subscriber
    suspect();
    expect(heard).toEqual([
      ['error', { detector, error, event: 'available' }],
      ['error', { detector, error, event: 'suspect' }],
    ]);
    expect(printed).toHaveBeenCalledTimes(1);

    unsubscribe('phi-accrual:error', hear);
    available(); // printed in the detector's stead, as our listener is still there
    expect(printed.mock.lastCall).toEqual(["phi-accrual: a listener of 'available' threw:", error]);
    expect(printed).toHaveBeenCalledTimes(2);
    await Promise.resolve();
    detector.on('error', () => {}); // were our listener still there, it would print once more
    suspect();
    expect(printed).toHaveBeenCalledTimes(2);
  });

  it('loses no error when the subscriber goes, however many are on their way', async () => {
    const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
    const { detector, to } = world();
    for (const reason of ['one', 'two']) {
      detector.on('suspect', () => {
        throw reason;
      });
    }
    subscribe('phi-accrual:error', hear);
    using _ = publishEvents(detector);
    unsubscribe('phi-accrual:error', hear);
    detector.watch('a');
    to(5000);
    expect(heard).toEqual([]);
    expect(printed.mock.calls.map(([, error]) => error)).toEqual(['one', 'two']);
    subscribe('phi-accrual:error', hear); // comes back before our listener has gone
    await Promise.resolve();
    detector.heartbeat('a', 6000);
    to(20_000);
    expect(heard).toHaveLength(2);
  });
});
