/**
 * What φ is worth by each model: how often it is exceeded against what it promises, whether a wish
 * is kept, what a detection takes at the same rate of mistakes, and what a heartbeat costs.
 *
 *   node bench/models.mjs [trace.csv …]     by default the two recordings of test/traces
 */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PhiAccrualDetector } from 'phi-accrual';
import {
  cassandra,
  chen,
  fixedTimeout,
  halves,
  nominalInterval,
  readTrace,
  replay,
  twoWindow,
} from 'phi-accrual/lab';
import { uniform } from './lib/random.mjs';
import { print, report, smoke } from './lib/report.mjs';
import { compare, keep } from './lib/rounds.mjs';

const recording = (name) =>
  fileURLToPath(new URL(`../test/traces/${name}.csv.gz`, import.meta.url));
const given = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const paths =
  given.length > 0 ? given : ['netns_clean_100ms', 'netns_relay_wan_100ms'].map(recording);

/** Fewer are too few to tell a share by. */
const EXPECTED = 5;
const WISH = 100;
const RATES = smoke ? [100] : [1, 10, 100];

const steps = (from, to, step) =>
  Array.from({ length: Math.floor((to - from) / step + 1.5) }, (_, i) => from + i * step);
const PHIS = smoke ? [1, 3, 8] : [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16];

/** Detectors to be tuned, each by one number. */
function baselines(interval) {
  const alphas = steps(0, smoke ? 4 : 40, 1).map((n) => 0.05 * interval * 1.25 ** n);
  const normal = (options) => PHIS.map((threshold) => ({ threshold, ...options }));
  return [
    ...normal({ model: 'logistic', learn: 'while-available', minStdDev: 100 }),
    ...normal({ model: 'logistic', learn: 'while-available', minStdDev: 10 }),
    ...normal({ model: 'normal', learn: 'always', minStdDev: 1 }),
    ...normal({ model: 'normal' }),
    ...alphas.map((pause) => ({ model: 'normal', acceptablePause: pause })),
    ...PHIS.map((threshold) => ({ detector: cassandra({ threshold }) })),
    ...alphas.map((alpha) => ({ detector: chen({ margin: alpha, windowSize: 1000 }) })),
    ...alphas.map((alpha) => ({ detector: chen({ margin: alpha, windowSize: 32 }) })),
    ...alphas.map((alpha) => ({ detector: twoWindow({ margin: alpha }) })),
    ...alphas.map((alpha) => ({ detector: fixedTimeout(interval + alpha) })),
  ];
}

const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;
const geometric = (values) => Math.exp(mean(values.map(Math.log)));

/** T_D of the calibrated model over that of the best baseline, at the mistakes of the latter. */
async function atEqualRates(trace) {
  const heartbeatInterval = nominalInterval(trace);
  const [first, second] = halves(trace);
  const score = (half, options) => replay(half, { heartbeatInterval, ...options });
  const tried = [];
  for (const options of baselines(heartbeatInterval)) {
    const { mistakesPerHour, detectionTime } = await score(first, options);
    tried.push({ options, mistakesPerHour, slowness: detectionTime.mean });
  }
  tried.sort((a, b) => a.slowness - b.slowness);
  const ladder = [];
  for (const threshold of smoke ? [1, 3, 5] : steps(0.4, 7, 0.1)) {
    ladder.push(await score(second, { model: 'calibrated', threshold, maxSilence: Infinity }));
  }
  const found = [];
  for (const rate of RATES) {
    const best = tried.find(({ mistakesPerHour }) => mistakesPerHour <= rate);
    if (best === undefined) continue;
    const baseline = await score(second, best.options);
    const ours = ladder.find(({ mistakes }) => mistakes <= baseline.mistakes);
    if (ours === undefined) continue;
    found.push({
      mean: ours.detectionTime.mean / baseline.detectionTime.mean,
      p99: ours.detectionTime.p99 / baseline.detectionTime.p99,
    });
  }
  return found;
}

const rows = [];
const within = { calibrated: 0, normal: 0, cells: 0 };
const equal = [];
for (const path of paths) {
  const trace = await readTrace(path);
  const name = basename(path).replace(/\.csv(\.gz)?$/, '');
  const calibrated = await replay(trace, { model: 'calibrated' });
  const normal = await replay(trace, { learn: 'always', minStdDev: 1 });
  for (const [i, { phi, gaps, share }] of calibrated.calibration.entries()) {
    if (gaps * 10 ** -phi < EXPECTED) break;
    const promised = {
      calibrated: share * 10 ** phi,
      normal: normal.calibration[i].share * 10 ** phi,
    };
    within.cells++;
    for (const [model, ratio] of Object.entries(promised)) {
      within[model] += +(ratio >= 0.5 && ratio <= 2);
      rows.push({
        what: `${name}: φ = ${phi} exceeded, of promised: ${model}`,
        value: ratio,
        unit: '×',
      });
    }
  }
  const kept = await replay(trace, { model: 'calibrated', maxMistakesPerHour: WISH });
  rows.push({
    what: `${name}: mistakes, of ${WISH} an hour wished`,
    value: kept.mistakesPerHour / WISH,
    unit: '×',
  });
  equal.push(...(await atEqualRates(trace)));
}
const share = (model) => (100 * within[model]) / within.cells;
rows.push(
  {
    what: `cells within a factor of 2, of ${within.cells}: calibrated`,
    value: share('calibrated'),
    unit: '%',
    atLeast: 95,
  },
  {
    what: `cells within a factor of 2, of ${within.cells}: normal`,
    value: share('normal'),
    unit: '%',
  },
);
if (equal.length > 0) {
  rows.push(
    {
      what: `mean T_D, of the best baseline's (${equal.length} cells)`,
      value: geometric(equal.map((e) => e.mean)),
      unit: '×',
      atMost: 1,
    },
    {
      what: "99th percentile of T_D, of the best baseline's",
      value: geometric(equal.map((e) => e.p99)),
      unit: '×',
      atMost: 1.2,
    },
  );
}
if (given.length > 0) {
  print('Models', rows);
} else {
  report('Models', [...rows, ...(await costs())]);
}

/** A heartbeat, and φ, of each model. */
async function costs() {
  const beats = smoke ? 200 : 4096;
  const intervals = uniform(beats, 900, 1100);
  const silences = uniform(beats, 500, 1500);
  const detectors = {
    normal: {},
    exponential: { model: 'exponential' },
    logistic: { model: 'logistic' },
    calibrated: { model: 'calibrated' },
    'calibrated, with a wish': { maxMistakesPerHour: 1 },
  };
  const loops = {};
  for (const [name, options] of Object.entries(detectors)) {
    const detector = new PhiAccrualDetector(options);
    let now = 0;
    const beat = () => {
      let at = +now;
      for (let i = 0; i < beats; i++) {
        at += intervals[i];
        detector.heartbeat(at);
      }
      now = at;
    };
    const read = () => {
      const at = +now;
      let sum = 0;
      for (let i = 0; i < beats; i++) sum += detector.phi(at + silences[i]);
      keep(sum);
    };
    beat();
    loops[`heartbeat: ${name}`] = { run: beat, operations: beats };
    loops[`φ: ${name}`] = { run: read, operations: beats };
  }
  const { ns, ratio } = await compare(loops);
  return Object.keys(loops).flatMap((loop) => {
    const [what, name] = loop.split(': ');
    const base = `${what}: normal`;
    if (loop === base) return [{ what: loop, value: ns(loop), unit: 'ns' }];
    return [{ what: `${what}: ${name}, of normal`, value: ratio(loop, base), unit: '×' }];
  });
}
