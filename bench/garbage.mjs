/**
 * Does a heartbeat, or a reading of φ, allocate? Bytes per call that the heap grows by, less those
 * of a loop that calls nothing; and the collections of the same calls in one go.
 */
import { FailureDetector, PhiAccrualDetector } from './lib/build.mjs';
import { Collections, collect, usedHeap } from './lib/heap.mjs';
import { reportParts } from './lib/parts.mjs';
import { quick, smoke } from './lib/report.mjs';
import { keep } from './lib/rounds.mjs';

const CALLS = smoke ? 20_000 : quick ? 1_000_000 : 10_000_000;
const WARM_UP = smoke ? 10_000 : quick ? 200_000 : 1_000_000;
/** Calls between two looks at the heap. */
const SHORT = 10_000;
const PEERS = 100;

/** φ of a peer that was heard once, until its suspicion. */
const SILENCE = 2000;

const single = new PhiAccrualDetector();
single.heartbeat(0);
const many = new FailureDetector({ timers: false, clock: () => 0 });
const ids = Array.from({ length: PEERS }, (_, i) => `node-${i}`);
const handles = ids.map((id) => many.watch(id));
for (const handle of handles) handle.heartbeat(0);

/** What the loop itself costs, and the reading of the heap. */
function nothing(from, calls) {
  let sum = 0;
  for (let i = 0; i < calls; i++) sum += from + i * 10.5;
  keep(sum);
}

/** Calls on and on from a time; each loop is `step` ms further with every call. */
const loops = {
  'PhiAccrualDetector.heartbeat': {
    step: 1000.5,
    run(from, calls) {
      for (let i = 0; i < calls; i++) single.heartbeat(from + i * 1000.5);
    },
  },
  // Of a silence up to the threshold: peers that are not suspected.
  'PhiAccrualDetector.phi': {
    step: 0,
    run(_, calls) {
      const first = single.lastHeartbeat;
      const step = (single.suspectAt() - first) / calls;
      let sum = 0;
      for (let i = 0; i < calls; i++) sum += single.phi(first + i * step);
      keep(sum);
    },
  },
  'Peer.heartbeat': {
    step: 10.5,
    run(from, calls) {
      for (let i = 0; i < calls; i++) handles[i % PEERS].heartbeat(from + i * 10.5);
    },
  },
  'FailureDetector.heartbeat': {
    step: 10.5,
    run(from, calls) {
      for (let i = 0; i < calls; i++) many.heartbeat(ids[i % PEERS], from + i * 10.5);
    },
  },
  'Peer.phi': {
    step: 0,
    run(_, calls) {
      const step = SILENCE / calls;
      let sum = 0;
      for (let i = 0; i < calls; i++) sum += handles[i % PEERS].phi(i * step);
      keep(sum);
    },
  },
  'FailureDetector.phi': {
    step: 0,
    run(_, calls) {
      const step = SILENCE / calls;
      let sum = 0;
      for (let i = 0; i < calls; i++) sum += many.phi(ids[i % PEERS], i * step);
      keep(sum);
    },
  },
};

/** What `CALLS` calls allocate; in short runs, for the heap must not be collected in between. */
function allocated(go) {
  let bytes = 0;
  for (let i = 0; i < CALLS; i += SHORT) {
    const before = usedHeap();
    go(SHORT);
    bytes += Math.max(usedHeap() - before, 0);
  }
  return bytes / CALLS;
}

async function measure({ step, run }, name) {
  let from = 1;
  const measured = async (loop, further) => {
    const go = (calls) => {
      loop(from, calls);
      from += calls * further;
    };
    for (let i = 0; i < WARM_UP; i += SHORT) go(SHORT);
    collect();
    await collections.taken();
    go(CALLS);
    const taken = await collections.taken();
    return { ...taken, bytes: allocated(go) };
  };
  const collections = new Collections();
  const own = await measured(nothing, 10.5);
  const { bytes, count, pause } = await measured(run, step);
  return [
    { what: `${name}: bytes per call`, value: bytes - own.bytes, unit: 'bytes', atMost: 0.1 },
    { what: `${name}: collections`, value: count, unit: 'count' },
    { what: `${name}: paused for`, value: pause, unit: 'ms' },
  ];
}

await reportParts(
  import.meta.url,
  `Garbage of ${CALLS.toLocaleString('en')} calls`,
  loops,
  measure,
);
