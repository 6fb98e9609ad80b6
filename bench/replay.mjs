/**
 * A recorded trace through the default detector, scored: deadlines, φ before each arrival, and
 * percentiles; against the same detector in a loop that only feeds it.
 */
import { PhiAccrualDetector } from 'phi-accrual';
import { replay } from 'phi-accrual/lab';
import { uniform } from './lib/random.mjs';
import { report, smoke } from './lib/report.mjs';
import { keep, median } from './lib/rounds.mjs';

const BEATS = smoke ? 20_000 : 5_000_000;
const ROUNDS = smoke ? 1 : 7;
const INTERVAL = 100;

/** One session, in order, nothing lost: 100 ms with a tenth of jitter. */
function traceOf(beats) {
  const jitter = uniform(beats, 0, INTERVAL / 10);
  const seq = new Float64Array(beats);
  const sendMs = new Float64Array(beats);
  const recvMs = new Float64Array(beats);
  for (let i = 0; i < beats; i++) {
    seq[i] = i;
    sendMs[i] = i * INTERVAL;
    recvMs[i] = i * INTERVAL + jitter[i];
  }
  const session = { session: '0', heartbeats: beats, seq, sendMs, recvMs };
  return { sessions: [session], heartbeats: beats, truncated: false };
}

const trace = traceOf(BEATS);

function feed() {
  const detector = new PhiAccrualDetector({ heartbeatInterval: INTERVAL });
  const { recvMs } = trace.sessions[0];
  for (let i = 0; i < recvMs.length; i++) detector.heartbeat(recvMs[i]);
  keep(detector.suspectAt());
}

async function score() {
  keep(await replay(trace, { heartbeatInterval: INTERVAL }));
}

async function nanoseconds(run) {
  const start = performance.now();
  await run();
  return ((performance.now() - start) * 1e6) / BEATS;
}

const seen = { score: [], feed: [] };
for (let round = 0; round <= ROUNDS; round++) {
  const [first, second] = round % 2 === 0 ? ['score', 'feed'] : ['feed', 'score'];
  for (const name of [first, second]) {
    const ns = await nanoseconds(name === 'score' ? score : feed);
    if (round > 0) seen[name].push(ns); // round 0 warms up
  }
}
const scored = median(seen.score);
report(`Replay of ${BEATS.toLocaleString('en')} heartbeats`, [
  { what: 'a heartbeat, fed and scored', value: scored, unit: 'ns', atMost: 200 },
  { what: 'millions of heartbeats a second', value: 1000 / scored, unit: 'M/s', atLeast: 5 },
  { what: 'a heartbeat, fed only', value: median(seen.feed), unit: 'ns' },
  {
    what: 'fed and scored: of fed only',
    value: median(seen.score.map((ns, i) => ns / seen.feed[i])),
    unit: '×',
    atMost: 4,
  },
]);
