/**
 * Does a heartbeat, or a reading of φ, allocate? Bytes per call that the heap grows by, less those
 * of a loop that calls nothing; and the collections of the same calls in one go.
 */
import { FailureDetector, PhiAccrualDetector } from 'phi-accrual';
import { Collections, collect, usedHeap } from './lib/heap.mjs';
import { report, smoke } from './lib/report.mjs';
import { keep } from './lib/rounds.mjs';

const CALLS = smoke ? 100_000 : 10_000_000;
const WARM_UP = smoke ? 20_000 : 1_000_000;
/** Calls between two looks at the heap. */
const SHORT = 10_000;
const PEERS = 100;

const single = new PhiAccrualDetector();
const many = new FailureDetector({ timers: false, clock: () => 0 });
const ids = Array.from({ length: PEERS }, (_, i) => `node-${i}`);
const handles = ids.map((id) => many.watch(id));

/** Calls on and on from a time; each loop is `step` ms further with every call. */
const loops = {
  nothing: {
    step: 10.5,
    run(from, calls) {
      let sum = 0;
      for (let i = 0; i < calls; i++) sum += from + i * 10.5;
      keep(sum);
    },
  },
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

const collections = new Collections();
const rows = [];
let from = 1;
let own = 0;
for (const [name, { step, run }] of Object.entries(loops)) {
  const go = (calls) => {
    run(from, calls);
    from += calls * step;
  };
  for (let i = 0; i < WARM_UP; i += SHORT) go(SHORT);
  collect();
  await collections.taken();
  go(CALLS);
  const { count, pause } = await collections.taken();
  const bytes = allocated(go) - own;
  if (name === 'nothing') own = bytes;
  const atMost = name === 'nothing' ? undefined : 0.1;
  rows.push({ what: `${name}: bytes per call`, value: bytes, unit: 'bytes', atMost });
  rows.push({ what: `${name}: collections`, value: count, unit: 'count' });
  rows.push({ what: `${name}: paused for`, value: pause, unit: 'ms' });
}
report(`Garbage of ${CALLS.toLocaleString('en')} calls`, rows);
process.exit();
