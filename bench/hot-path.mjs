/**
 * What a service does all the time: heartbeats and readings of φ of one peer and of many, in and out
 * of the processor's caches; suspicions; a detector for each socket; and what all this takes of
 * memory. For two builds, in turns: `npm run bench -- --against DIR` (see lib/against.mjs).
 */
import { beating, beats, intervals, WINDOW } from './lib/beats.mjs';
import { FailureDetector, PhiAccrualDetector } from './lib/build.mjs';
import { byHandle, byId, Fleet, idsOf, inBatches, phiByHandle, phiById } from './lib/fleet.mjs';
import { liveBytes } from './lib/heap.mjs';
import { reportParts } from './lib/parts.mjs';
import { quick, smoke } from './lib/report.mjs';
import { compare, cpuTime, keep } from './lib/rounds.mjs';

/** Runs are short: the least time is of one that was not interrupted. */
const ROUNDS = { rounds: quick ? 3 : 5, of: 'min', samples: 50 };
const RUN = smoke ? 512 : 4096;
const INTERVAL = 1000;
/** Of each of many peers: as few as fill in a moment, as many as a line of the cache holds. */
const SHORT = smoke ? 4 : 16;

const world = (options) =>
  new FailureDetector({ windowSize: WINDOW, timers: false, clock: () => 0, ...options });
/** As a source of numbered datagrams feeds it. */
const numbered = (peer) => {
  const info = { incarnation: 1, sequence: 0 };
  return {
    heartbeat(at) {
      info.sequence++;
      return peer.heartbeat(at, info);
    },
  };
};
const MANY = 'one peer of a FailureDetector, by handle';

/** One peer, and whether φ is read after each heartbeat. */
const one = {
  'PhiAccrualDetector: heartbeat': [() => new PhiAccrualDetector({ windowSize: WINDOW }), false],
  'PhiAccrualDetector: heartbeat and φ': [
    () => new PhiAccrualDetector({ windowSize: WINDOW }),
    true,
  ],
  'PhiAccrualDetector, calibrated: heartbeat and φ': [
    () => new PhiAccrualDetector({ model: 'calibrated' }),
    true,
  ],
  [`${MANY}: heartbeat`]: [() => world().watch('peer'), false],
  [`${MANY}: heartbeat and φ`]: [() => world().watch('peer'), true],
  [`${MANY}: heartbeat with a sequence`]: [() => numbered(world().watch('peer')), false],
};

async function measureOne([make, readings], what) {
  const contestant = { run: beating(make(), readings), operations: beats };
  for (let filled = 0; filled < WINDOW; filled += intervals.length) contestant.run();
  const { ns } = await compare({ contestant }, ROUNDS);
  return [{ what, value: ns('contestant'), unit: 'ns' }];
}

function many(peers) {
  return async () => {
    const fleet = new Fleet(peers, SHORT);
    const operations = RUN;
    const beat = (way) => ({ run: () => fleet.run(operations, way), operations });
    const read = (way) => ({ run: () => fleet.read(operations, way), operations });
    const contestants = {
      'heartbeat by handle': beat(byHandle),
      'heartbeat by id': beat(byId),
      'φ by handle': read(phiByHandle),
      'φ by id': read(phiById),
    };
    const { heartbeats } = fleet.detector;
    if (heartbeats) contestants['heartbeat by id, in batches of 32'] = beat(inBatches);
    const { ns } = await compare(contestants, ROUNDS);
    const label = `${peers.toLocaleString('en')} peers in random order`;
    return Object.keys(contestants).map((name) => ({
      what: `${label}: ${name}`,
      value: ns(name),
      unit: 'ns',
    }));
  };
}

/** All fall silent at once and are said one by one; then all return. */
function wave(peers) {
  let now = 0;
  let said = 0;
  const clock = () => now;
  const detector = new FailureDetector({ timers: false, clock, massSilence: false });
  detector.on('suspect', () => said++);
  detector.on('available', () => said++);
  const handles = idsOf(peers).map((id) => detector.watch(id));
  for (let beat = 0; beat < 4; beat++, now += INTERVAL) {
    for (const handle of handles) handle.heartbeat(now);
  }
  const timed = (run) => {
    said = 0;
    const start = cpuTime();
    run();
    const us = ((cpuTime() - start) * 1000) / peers;
    if (said !== peers) throw new Error(`${said} of ${peers} were said`);
    return us;
  };
  now += 10 * INTERVAL;
  const suspicion = timed(() => detector.advance());
  const back = timed(() => {
    for (const handle of handles) handle.heartbeat(now);
  });
  detector.close();
  return { suspicion, back };
}

function suspicions() {
  const [few, all] = smoke ? [100, 200] : [3000, 100_000];
  const [cold, warm] = [wave(few), wave(all)];
  const told = (n) => n.toLocaleString('en');
  return [
    { what: `a suspicion, the first ${told(few)}, cold`, value: cold.suspicion, unit: 'µs' },
    { what: `a suspicion, ${told(all)} at once`, value: warm.suspicion, unit: 'µs' },
    { what: `a return, ${told(all)} at once`, value: warm.back, unit: 'µs' },
  ];
}

/** A detector with its one peer, as for a socket of its own: the time and the bytes that it takes. */
const sockets = {
  PhiAccrualDetector() {
    const detector = new PhiAccrualDetector();
    detector.heartbeat(performance.now());
    return detector;
  },
  FailureDetector() {
    const detector = new FailureDetector();
    detector.heartbeat('peer');
    return detector;
  },
};

function construction(name) {
  const make = sockets[name];
  return () => {
    const count = smoke ? 50 : 2000;
    const all = new Array(count);
    const fill = () => {
      for (let i = 0; i < count; i++) all[i] = make();
    };
    const empty = () => {
      for (let i = 0; i < count; i++) {
        all[i]?.close?.();
        all[i] = undefined;
      }
    };
    let least = Infinity;
    for (let round = 0; round < 5; round++) {
      empty();
      const start = cpuTime();
      fill();
      least = Math.min(least, cpuTime() - start);
    }
    empty();
    const before = liveBytes();
    fill();
    const bytes = (liveBytes() - before) / count;
    empty();
    const what = `a ${name} with one peer`;
    return [
      { what: `${what}: construction`, value: (least * 1000) / count, unit: 'µs' },
      { what: `${what}: memory`, value: bytes, unit: 'bytes' },
    ];
  };
}

function memory() {
  const peers = smoke ? 1000 : quick ? 100_000 : 1_000_000;
  const ids = idsOf(peers);
  new Set(ids).clear(); // to be hashed costs an id memory: before the first look
  const before = liveBytes();
  const detector = new FailureDetector({ timers: false, clock: () => 0 });
  let handles = ids.map((id) => detector.watch(id));
  for (let beat = 1; beat < 100; beat++) {
    for (let i = 0; i < peers; i++) handles[i].heartbeat(beat * INTERVAL + i * 1e-4);
  }
  keep(handles);
  handles = undefined;
  const bytes = (liveBytes() - before) / peers;
  keep(ids);
  detector.close();
  const what = `a peer of ${peers.toLocaleString('en')} with 100 samples: memory`;
  return [{ what, value: bytes, unit: 'bytes' }];
}

const parts = {
  ...Object.fromEntries(Object.keys(one).map((what) => [what, () => measureOne(one[what], what)])),
  '1,000 peers': many(1000),
  '100,000 peers': many(smoke ? 2000 : 100_000),
  ...(!quick && { '1,000,000 peers': many(1_000_000) }),
  suspicions,
  'construction of PhiAccrualDetector': construction('PhiAccrualDetector'),
  'construction of FailureDetector': construction('FailureDetector'),
  memory,
};
await reportParts(import.meta.url, 'The hot path', parts, (part) => part());
