/**
 * Bytes per peer beyond its id and a Map entry, as its window fills and after it is forgotten;
 * peers that come and go; a million peers at once; many detectors of a few.
 */
import { FailureDetector } from './lib/build.mjs';
import { idsOf } from './lib/fleet.mjs';
import { collect, LongestCall, liveBytes } from './lib/heap.mjs';
import { reportParts } from './lib/parts.mjs';
import { smoke } from './lib/report.mjs';

const PEERS = smoke ? 1000 : 100_000;
const MEGA = 2 ** 20;

/** Every peer beats `beats` times, a second apart. */
function fill(detector, ids, beats, from = 0) {
  for (let b = 1; b <= beats; b++) {
    for (let i = 0; i < ids.length; i++) detector.heartbeat(ids[i], from + b * 1000 + i * 1e-3);
  }
}

/** The window starts with two samples of its own: `used` of them are what the peers have sent. */
function perPeer(used, windowSize) {
  return () => {
    const ids = idsOf(PEERS);
    new Set(ids).clear(); // to be hashed costs an id memory: before the first look
    const empty = liveBytes();
    let map = new Map(ids.map((id, i) => [id, i]));
    const entries = liveBytes() - empty;
    map = map.size === 0 ? map : undefined; // read once more, so that it is not collected early
    const start = liveBytes();
    const detector = new FailureDetector({ windowSize, timers: false, clock: () => 0 });
    for (const id of ids) detector.watch(id);
    fill(detector, ids, used + 1);
    const bytes = (liveBytes() - start - entries) / PEERS;
    for (const id of ids) detector.forget(id);
    const left = (liveBytes() - start) / PEERS;
    detector.close();
    const samples = used < windowSize ? `${used} of ${windowSize}` : `all ${windowSize}`;
    const what = `per peer, ${samples} samples in use`;
    return [
      { what, value: bytes, unit: 'bytes', atMost: 4 * used + 160 },
      { what: `${what}: still held once forgotten`, value: left, unit: 'bytes' },
    ];
  };
}

/** Peers that come and go over others that stay. */
function churn() {
  const pairs = smoke ? 20_000 : 10_000_000;
  const live = smoke ? 1000 : 10_000;
  const ids = idsOf(live);
  let now = 0;
  const detector = new FailureDetector({ timers: false, clock: () => now });
  for (const id of ids) detector.watch(id);
  const guests = Array.from({ length: 1000 }, (_, i) => `guest-${i}`);
  const half = pairs / 2;
  let first = 0;
  for (let i = 0; i < pairs; i++) {
    const id = guests[i % guests.length];
    detector.watch(id);
    detector.forget(id);
    if (i % 1000 === 0) {
      now += 10;
      detector.heartbeat(ids[(i / 1000) % live], now);
      detector.advance();
    }
    if (i === half / 5) first = liveBytes();
  }
  const drift = liveBytes() - first;
  detector.close();
  const what = `churn of ${pairs.toLocaleString('en')} watch and forget: growth after the first tenth`;
  return [{ what, value: drift / MEGA, unit: 'MB', atMost: 1 }];
}

function million() {
  const peers = smoke ? 10_000 : 1_000_000;
  const ids = idsOf(peers);
  const detector = new FailureDetector({ timers: false, clock: () => 0 });
  for (const id of ids) detector.watch(id);
  fill(detector, ids, 99); // and the two samples that the window starts with
  collect();
  const { rss } = process.memoryUsage();
  detector.close();
  const what = `${peers.toLocaleString('en')} peers with 100 samples: RSS of the process, ids and all`;
  return [{ what, value: rss / MEGA, unit: 'MB', atMost: 800 }];
}

/** How long one heartbeat takes at most while the peers come and their windows fill. */
async function growing() {
  const peers = smoke ? 10_000 : 1_000_000;
  const ids = idsOf(peers);
  const calls = new LongestCall();
  const map = new Map();
  for (let i = 0; i < peers; i++) calls.time(() => map.set(ids[i], i));
  const ofMap = await calls.taken();
  map.clear();
  const detector = new FailureDetector({ timers: false, clock: () => 0 });
  const beat = (round) => {
    for (let i = 0; i < peers; i++) {
      calls.time(() => detector.heartbeat(ids[i], round * 1000 + i * 1e-3));
    }
  };
  beat(0);
  const coming = await calls.taken();
  let filling = 0;
  for (let round = 1; round < 35; round++) {
    beat(round);
    filling = Math.max(filling, await calls.taken());
  }
  detector.close();
  const what = `${peers.toLocaleString('en')} peers: longest heartbeat, collections apart,`;
  return [
    { what: `${what} as they come`, value: coming, unit: 'ms' },
    {
      what: `${what} less the longest set of a Map alone`,
      value: coming - ofMap,
      unit: 'ms',
      atMost: 5,
    },
    { what: `${what} as windows fill`, value: filling, unit: 'ms', atMost: 5 },
  ];
}

/** One detector a socket: what each costs, with a peer or with a few, and with a full window. */
function many(peers, beats) {
  return () => {
    const detectors = smoke ? 100 : 2000;
    const ids = idsOf(peers);
    const start = liveBytes();
    const all = Array.from({ length: detectors }, () => new FailureDetector());
    for (const detector of all) fill(detector, ids, beats, -1e9);
    const bytes = (liveBytes() - start) / detectors;
    for (const detector of all) detector.close();
    const what = `one of ${detectors.toLocaleString('en')} detectors, ${peers} peers, ${beats} heartbeats each`;
    return [{ what, value: bytes / 1024, unit: 'kB', atMost: 24 }];
  };
}

const parts = {
  fresh: perPeer(0, 1000),
  hundred: perPeer(100, 100),
  part: perPeer(100, 1000),
  thousand: perPeer(1000, 1000),
  churn,
  million,
  growing,
  detectors: many(3, 5),
  full: many(1, 1100),
};
await reportParts(import.meta.url, 'Memory', parts, (part) => part());
