/**
 * Does a heartbeat, or a reading of φ, allocate? Bytes per call that the heap grows by, less those
 * of a loop that calls nothing; and the collections of the same calls in one go.
 */
import { FailureDetector, PhiAccrualDetector } from 'phi-accrual';
import { Collections, collect, usedHeap } from './lib/heap.mjs';
import { report, smoke } from './lib/report.mjs';
import { keep } from './lib/rounds.mjs';

const BEATS = smoke ? 100_000 : 10_000_000;
const WARM_UP = smoke ? 20_000 : 1_000_000;
/** Calls between two looks at the heap. */
const SHORT = 10_000;
const PEERS = 100;

const single = new PhiAccrualDetector();
const many = new FailureDetector({ timers: false, clock: () => 0 });
const ids = Array.from({ length: PEERS }, (_, i) => `node-${i}`);
const handles = ids.map((id) => many.watch(id));

const loops = {
  nothing(from, beats) {
    let sum = 0;
    for (let i = 0; i < beats; i++) sum += from + i * 10.5;
    keep(sum);
  },
  'PhiAccrualDetector.heartbeat'(from, beats) {
    for (let i = 0; i < beats; i++) single.heartbeat(from + i * 1000.5);
  },
  'PhiAccrualDetector.phi'(from, beats) {
    let sum = 0;
    for (let i = 0; i < beats; i++) sum += single.phi(from + i * 0.001);
    keep(sum);
  },
  'Peer.heartbeat'(from, beats) {
    for (let i = 0; i < beats; i++) handles[i % PEERS].heartbeat(from + i * 10.5);
  },
  'FailureDetector.heartbeat'(from, beats) {
    for (let i = 0; i < beats; i++) many.heartbeat(ids[i % PEERS], from + i * 10.5);
  },
};

/** Bytes per call; in short runs, for the heap must not be collected between two looks at it. */
function allocated(loop, from) {
  let bytes = 0;
  for (let i = 0; i < BEATS; i += SHORT) {
    const before = usedHeap();
    loop(from + i * 10_000, SHORT);
    bytes += Math.max(usedHeap() - before, 0);
  }
  return bytes / BEATS;
}

const collections = new Collections();
const rows = [];
let from = 1;
let own = 0;
for (const [name, loop] of Object.entries(loops)) {
  for (let i = 0; i < 3; i++, from += WARM_UP * 10_000) loop(from, WARM_UP);
  collect();
  await collections.taken();
  loop(from, BEATS);
  const { count, pause } = await collections.taken();
  from += BEATS * 10_000;
  const bytes = allocated(loop, from) - own;
  from += BEATS * 10_000;
  if (name === 'nothing') own = bytes;
  const atMost = name === 'nothing' ? undefined : 0.1;
  rows.push({ what: `${name}: bytes per call`, value: bytes, unit: 'bytes', atMost });
  rows.push({ what: `${name}: collections`, value: count, unit: 'count' });
  rows.push({ what: `${name}: paused for`, value: pause, unit: 'ms' });
}
report(`Garbage of ${BEATS.toLocaleString('en')} calls`, rows);
process.exit();
