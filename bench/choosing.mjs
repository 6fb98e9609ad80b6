/**
 * What the settings of docs/choosing.md give, beside the default and a time-out of folklore: on
 * networks that are made up, and on recordings of real ones.
 *
 *   node bench/choosing.mjs                    prints the tables
 *   node bench/choosing.mjs --write            puts them into docs/choosing.md as well
 *   node bench/choosing.mjs internet=mine.csv  that row's settings on a trace of your own, and how
 *                                              the made-up network compares with it
 */
import { fileURLToPath } from 'node:url';
import { nominalInterval, readTrace, tune } from 'phi-accrual/lab';
import { quantileSorted } from 'simple-statistics';
import { writeBetween } from './lib/marks.mjs';
import { traceOf } from './lib/networks.mjs';
import { smoke } from './lib/report.mjs';
import { SCENES } from './lib/scenes.mjs';
import { scored } from './lib/scored.mjs';

const SEED = 1;
const BEGIN = '<!-- figures: node bench/choosing.mjs --write -->';
const END = '<!-- end of figures -->';

const digits = (value) => (value === 0 ? '0' : Number(value.toPrecision(2)).toLocaleString('en'));
const short = (value) => String(Number(value.toPrecision(3)));
const time = (ms) =>
  ms < 995 ? `${ms.toFixed()} ms` : ms < 99_500 ? `${short(ms / 1000)} s` : minutes(ms);
const minutes = (ms) => `${short(ms / 60_000)} min`;
const code = (settings) =>
  `{ ${Object.entries(settings)
    .map(([name, value]) => `${name}: ${literal(value)}`)
    .join(', ')} }`;
const literal = (value) =>
  typeof value === 'object'
    ? code(value)
    : typeof value === 'number' && value >= 10_000
      ? String(value).replace(/\B(?=(\d{3})+$)/g, '_')
      : typeof value === 'string'
        ? `'${value}'`
        : String(value);

/** What is compared on a trace with so many ms between heartbeats. */
function contestants({ settings, others, folklore }, interval) {
  const heartbeatInterval = Number(interval.toPrecision(3));
  const ms = (folklore.ms * heartbeatInterval) / settings.heartbeatInterval;
  return [
    ['these settings', { ...settings, heartbeatInterval }],
    ...others.map((other) => [inWords(other), { ...other, heartbeatInterval }]),
    ['default', { heartbeatInterval }],
    [`time-out ${time(ms)} (${folklore.of})`, ms],
  ];
}

const inWords = ({ acceptablePause: pause, maxMistakesPerHour: wish }) =>
  pause === undefined
    ? `\`maxMistakesPerHour: ${wish}\``
    : `\`acceptablePause: ${literal(pause)}\``;

async function rows(trace, interval, who, per) {
  const lines = [];
  for (const [name, settings] of who) {
    const { score, low, high } = await scored(trace, interval, settings);
    const [seen, least, most] = [score.mistakesPerHour, low, high].map((x) =>
      digits(x * per.hours),
    );
    const { mean, p99 } = score.detectionTime;
    lines.push([name, `${seen} (${least} – ${most})`, time(mean), time(p99)]);
  }
  return lines;
}

const table = (per, lines) => [
  `| | mistakes ${per.name} (limits) | T_D, mean | T_D, 99 % |`,
  '|---|--:|--:|--:|',
  ...lines.map((line) => `| ${line.join(' | ')} |`),
  '',
];

/** The middle and the tail of the gaps between arrivals, in intervals. */
function gapsOf({ sessions }, interval) {
  const gaps = sessions.flatMap(({ recvMs }) => {
    const at = recvMs.filter((ms) => !Number.isNaN(ms)).sort();
    return Array.from(at.subarray(1), (ms, i) => (ms - at[i]) / interval);
  });
  const sorted = gaps.sort((a, b) => a - b);
  return [0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1].map((p) => quantileSorted(sorted, p).toFixed(3));
}

/** How the made-up network compares with a recording, at the recording's interval. */
function likeness({ network }, trace, interval) {
  const madeUp = traceOf(network, interval, smoke ? 0.1 : 5, SEED);
  return [
    '| gaps, in heartbeats | 1 % | 10 % | 50 % | 90 % | 99 % | 99.9 % | longest |',
    '|---|--:|--:|--:|--:|--:|--:|--:|',
    `| recorded | ${gapsOf(trace, interval).join(' | ')} |`,
    `| made up, ${smoke ? 0.1 : 5} h | ${gapsOf(madeUp, interval).join(' | ')} |`,
    '',
  ];
}

async function madeUp(scene) {
  const interval = scene.settings.heartbeatInterval;
  const hours = smoke ? (1500 * interval) / 3.6e6 : scene.hours;
  const trace = traceOf(scene.network, interval, hours, SEED);
  const lines = await rows(trace, interval, contestants(scene, interval), scene.per);
  const length = scene.hours > 100 ? `${scene.hours / 24} days` : `${scene.hours} hours`;
  const head = [`### ${scene.title}`, '', `${scene.wish} *Made up, ${length}.* ${scene.why}`, ''];
  return [...head, ...table(scene.per, lines)];
}

const PER_HOUR = { name: 'an hour', hours: 1 };

/** A recording is too short for rare mistakes: `tune` wishes for what it can show. */
async function recorded(scene, path, title) {
  const trace = await readTrace(path);
  const interval = nominalInterval(trace);
  const who = contestants(scene, interval);
  const length = trace.sessions.reduce((ms, { recvMs }) => ms + spanOf(recvMs), 0);
  // Eight times what the whole of it shows, if there is no mistake: four times what a half does.
  const wish = Number(((8 * -Math.log(0.05)) / (length / 3.6e6)).toPrecision(1));
  const { chosen, refusal } = await tune(trace, { maxMistakesPerHour: wish });
  const head = `${trace.heartbeats.toLocaleString('en')} heartbeats, ${minutes(length)}.`;
  const told = `Wish of \`tune\`: at most ${wish} mistakes an hour, as a trace so short shows no less.`;
  const found = chosen ? `It chose \`${code(chosen.options)}\`.` : refusal;
  if (chosen) who.push(['chosen by `tune`', chosen.options]);
  const lines = await rows(trace, interval, who, PER_HOUR);
  return [
    `### ${title}`,
    '',
    head,
    '',
    ...table(PER_HOUR, lines),
    `${told} ${found}`,
    '',
    ...likeness(scene, trace, interval),
  ];
}

const spanOf = (recvMs) => {
  const at = recvMs.filter((ms) => !Number.isNaN(ms));
  return at.length > 0 ? Math.max(at[at.length - 1] - at[0], 0) : 0;
};

/** The settings as a program that a reader can paste, and the tests run. */
function program() {
  const all = SCENES.map(({ name, settings }) => `  ${name}: ${code(settings)},`);
  return [
    '```ts',
    "import { type DetectorOptions, FailureDetector } from 'phi-accrual';",
    '',
    'const settings: Record<string, DetectorOptions> = {',
    ...all,
    '};',
    'for (const options of Object.values(settings)) new FailureDetector(options).close();',
    '```',
    '',
  ];
}

/** What it brings to beat more often, at one wish. */
async function cadences() {
  const columns = ['trading', 'internet'].map((name) => SCENES.find((each) => each.name === name));
  const lines = [];
  for (const interval of [50, 100, 200, 500, 1000]) {
    const cells = [];
    for (const { network } of columns) {
      const trace = traceOf(network, interval, smoke ? interval / 2400 : 24, SEED);
      const settings = { heartbeatInterval: interval, maxMistakesPerHour: 1 };
      const { score } = await scored(trace, interval, settings);
      cells.push(`${time(score.detectionTime.mean)} (${digits(score.mistakesPerHour)})`);
    }
    lines.push(`| ${time(interval)} | ${cells.join(' | ')} |`);
  }
  return [
    '### How often to beat',
    '',
    'T_D, mean, for `maxMistakesPerHour: 1`; in brackets what came of the wish. *Made up, 24 hours.*',
    '',
    `| \`heartbeatInterval\` | ${columns.map(({ title }) => title).join(' | ')} |`,
    '|--:|--:|--:|',
    ...lines,
    '',
  ];
}

const own = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const started = performance.now();
const lines = [];
if (own.length > 0) {
  for (const argument of own) {
    const [, name, path] = /^(\w+)=(.+)$/.exec(argument) ?? [];
    const scene = SCENES.find((each) => each.name === name);
    const known = SCENES.map((each) => each.name).join('|');
    if (scene === undefined) throw new RangeError(`expected (${known})=FILE, got ${argument}`);
    lines.push(...(await recorded(scene, path, `${path}, as ${name}`)));
  }
} else {
  lines.push(...program());
  for (const scene of SCENES) {
    lines.push(...(await madeUp(scene)));
    if (scene.recording === undefined) continue;
    const trace = new URL(`../test/traces/${scene.recording}.csv.gz`, import.meta.url);
    lines.push(...(await recorded(scene, fileURLToPath(trace), `${scene.title}: recorded`)));
  }
  lines.push(...(await cadences()));
}
console.log(lines.join('\n'));
console.log(`${((performance.now() - started) / 1000).toFixed(1)} s`);
if (process.argv.includes('--write') && !smoke && own.length === 0) {
  const page = new URL('../docs/choosing.md', import.meta.url);
  await writeBetween(page, BEGIN, END, lines.slice(0, -1));
}
