/**
 * What a cohort is good for: recorded traces are cut into pieces, each a peer that is new and does
 * not live long, and it is counted how often φ = k is exceeded, over the 10^−k that it claims; for
 * peers that know nothing of each other, for a cohort of the peers of each trace, and for one cohort
 * of all of them, which nobody should make. `node bench/cohorts.mjs [trace.csv …]`; without traces,
 * those of the tests.
 */
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FailureDetector } from 'phi-accrual';
import { nominalInterval, readTrace } from 'phi-accrual/lab';
import { seeded, shuffled } from './lib/random.mjs';
import { smoke } from './lib/report.mjs';

const LENGTHS = smoke ? [300] : [300, 1000, 2000];
const PHI = [1, 1.5, 2, 2.5, 3, 3.5];
/** A share is judged where so many are expected. */
const FEWEST = 5;
/** At most so many pieces of a trace, or one long trace would be most of what is counted. */
const PIECES = 120;
const DECISIVE = 3;

const WAYS = {
  none: () => '',
  'of its own': ({ name }) => name,
  'one for all': () => 'all',
};

/** Arrivals in order; none twice at one instant, which would be a duplicate. */
function arrivals({ seq, recvMs }) {
  const order = [...recvMs.keys()].filter((i) => !Number.isNaN(recvMs[i]));
  order.sort((a, b) => recvMs[a] - recvMs[b] || seq[a] - seq[b]);
  let last = -Infinity;
  return order.map((i) => {
    last = Math.max(recvMs[i], last + Math.max(Math.abs(last), 1) * Number.EPSILON || recvMs[i]);
    return last;
  });
}

function cut(times, length) {
  const pieces = [];
  for (let from = 0; from + length <= times.length; from += length) {
    pieces.push(times.slice(from, from + length));
  }
  return pieces;
}

/** Feeds one piece to a new peer; its first tenth is not counted. */
function live(detector, id, times, options, counted) {
  const peer = detector.watch(id, options);
  const warm = Math.max(1, Math.floor(times.length / 10));
  times.forEach((at, i) => {
    if (i >= warm) {
      const phi = peer.phi(at);
      counted.beats++;
      PHI.forEach((level, k) => {
        counted.beyond[k] += phi > level;
      });
      counted.silence += peer.suspectAt(DECISIVE) - times[i - 1];
    }
    peer.heartbeat(at);
  });
  detector.forget(id);
}

/** All pieces, in an order by chance, through one detector. */
function run(traces, cohortOf) {
  const detector = new FailureDetector({
    model: 'calibrated',
    timers: false,
    clock: () => 0,
    massSilence: false,
  });
  const counted = new Map(
    traces.map(({ name }) => [name, { beats: 0, silence: 0, beyond: PHI.map(() => 0) }]),
  );
  const all = traces.flatMap((trace) => trace.pieces.map((piece) => ({ trace, piece })));
  shuffled(all.length, seeded()).forEach((i) => {
    const { trace, piece } = all[i];
    const options = { heartbeatInterval: trace.interval, cohort: cohortOf(trace) };
    live(detector, i, piece, options, counted.get(trace.name));
  });
  return counted;
}

const folder = new URL('../test/traces/', import.meta.url);
const own = (await readdir(folder)).filter((file) => file.endsWith('.csv.gz'));
const given = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const paths = given.length > 0 ? given : own.map((file) => fileURLToPath(new URL(file, folder)));
const traces = [];
for (const path of paths) {
  const trace = await readTrace(path);
  const name = basename(path).replace(/\.csv(\.gz)?$/, '');
  // As one would configure it; those who differ in it are of no one cohort.
  const interval = Number(nominalInterval(trace).toPrecision(2));
  traces.push({ name, interval, sessions: trace.sessions.map(arrivals) });
}

const text = (share, expected) => (expected < FEWEST ? '—' : share.toFixed(2)).padStart(6);
const summary = [];
for (const length of LENGTHS) {
  const cutUp = traces
    .map((trace) => ({
      ...trace,
      pieces: trace.sessions.flatMap((times) => cut(times, length)).slice(0, PIECES),
    }))
    .filter(({ pieces }) => pieces.length > 2);
  const head = `Pieces of ${length}`.padEnd(28);
  console.log(`\n${head}${'cohort'.padEnd(12)}${PHI.map((k) => `φ ${k}`.padStart(6)).join('')}`);
  const alone = run(cutUp, WAYS.none);
  for (const [way, cohortOf] of Object.entries(WAYS)) {
    let judged = 0;
    let within = 0;
    let slower = 0;
    const found = way === 'none' ? alone : run(cutUp, cohortOf);
    for (const [name, { beats, silence, beyond }] of found) {
      const shares = beyond.map((count, k) => count / (beats * 10 ** -PHI[k]));
      const cells = shares.map((share, k) => text(share, beats * 10 ** -PHI[k]));
      console.log(`  ${name.padEnd(26)}${way.padEnd(12)}${cells.join('')}`);
      slower += Math.log(silence / alone.get(name).silence) / found.size;
      shares.forEach((share, k) => {
        if (beats * 10 ** -PHI[k] < FEWEST) return;
        judged++;
        within += share >= 0.5 && share <= 2;
      });
    }
    summary.push([length, way, `${within} of ${judged}`, `${Math.exp(slower).toFixed(2)}×`]);
  }
}
console.log(
  `\nWithin a factor of two of 10^−k; the silence at φ = ${DECISIVE}, of that without a cohort`,
);
for (const [length, way, within, slower] of summary) {
  console.log(`  ${String(length).padEnd(7)}${way.padEnd(13)}${within.padEnd(10)}${slower}`);
}
