/**
 * One peer, window 1000 and full: a heartbeat and a reading of φ, against detectors written as
 * the published ones are.
 */
import { beating, beats, intervals, silences, WINDOW } from './lib/beats.mjs';
import { PhiAccrualDetector } from './lib/build.mjs';
import { PollingDetector, RecomputingDetector } from './lib/plain-detectors.mjs';
import { report } from './lib/report.mjs';
import { compare, keep } from './lib/rounds.mjs';

// A loop for each: one for all would call several kinds of detector, which V8 makes slower.
function polling() {
  const detector = new PollingDetector(WINDOW);
  let now = 0;
  return () => {
    let at = +now;
    let sum = 0;
    for (let i = 0; i < beats; i++) {
      at += intervals[i];
      detector.heartbeat(at);
      sum += detector.phi(at + silences[i]);
    }
    now = at;
    keep(sum);
  };
}

function recomputing() {
  const detector = new RecomputingDetector(WINDOW);
  let now = 0;
  return () => {
    let at = +now;
    let sum = 0;
    for (let i = 0; i < beats; i++) {
      at += intervals[i];
      detector.heartbeat(at);
      sum += detector.phi(at + silences[i]);
    }
    now = at;
    keep(sum);
  };
}

function satzger(Rival) {
  const detector = new Rival({ sampleSize: WINDOW });
  let now = 0;
  return () => {
    let at = +now;
    let sum = 0;
    for (let i = 0; i < beats; i++) {
      at += intervals[i];
      detector.registerHeartbeat(at);
      sum += detector.calculateFailureProbability(at + silences[i]);
    }
    now = at;
    keep(sum);
  };
}

const rival = await import('adaptive-accrual-failure-detector').catch(() => undefined);
const { FailureDetector: Rival } = rival?.default ?? rival ?? {};

const detector = () => new PhiAccrualDetector({ windowSize: WINDOW });
const contestants = {
  ours: { run: beating(detector(), true), operations: beats },
  beats: { run: beating(detector(), false), operations: beats },
  polling: { run: polling(), operations: beats },
  recomputing: { run: recomputing(), operations: beats },
};
if (Rival) contestants.rival = { run: satzger(Rival), operations: beats };
else console.log('adaptive-accrual-failure-detector is not installed: skipped');

const { ns, ratio } = await compare(contestants, { rounds: 5 });
const faster = (what, name, atLeast) => ({
  what: `as fast as ${what}`,
  value: ratio(name, 'ours'),
  unit: '×',
  atLeast,
});
const rows = [
  { what: 'heartbeat and φ', value: ns('ours'), unit: 'ns', atMost: 30 },
  { what: 'heartbeat alone', value: ns('beats'), unit: 'ns' },
  faster('a plain port: array, sums of squares, logistic', 'polling', 6),
  faster('mean and σ computed anew at each φ', 'recomputing', 50),
];
if (Rival) rows.push(faster('adaptive-accrual-failure-detector 1.0.0', 'rival', 40));
report('One peer', rows);
