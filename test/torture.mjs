/**
 * Worlds by chance, one seed after another, for as long as asked: `npm run torture -- --for 600`.
 * With `--state`, histories of the registry's state instead; with `--against DIR`, the same worlds
 * and recordings to this build and another, which must say the same.
 * Ends with exit code 1 at the first broken invariant, and with the line that replays it.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { FIELD_KINDS, INVARIANTS, randomScenario, simulate } from 'phi-accrual/lab';
import pc from 'picocolors';

const GUARDS = ['stallGuard', 'massSilence', 'flapDamping'];
const MOST_SHOWN = 5;
const BAR = 24;

function number(least) {
  return (text) => {
    const n = Number(text);
    if (!(text.trim() !== '' && n >= least && n <= Number.MAX_SAFE_INTEGER)) {
      throw new InvalidArgumentError(`Expected a number from ${least}.`);
    }
    return n;
  };
}

function guards(text) {
  const names = text === 'all' ? GUARDS : text === 'none' ? [] : text.split(',');
  const unknown = names.find((name) => !GUARDS.includes(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`Expected all, none, or some of ${GUARDS}.`);
  return names;
}

const {
  for: seconds,
  seed,
  from,
  seeds,
  guards: on,
  field: fieldGiven,
  state = false,
  against,
  traces,
  tolerance,
} = new Command('torture')
  .description('Simulates worlds by chance and checks every invariant of the detector in them.')
  .addOption(new Option('--for <seconds>', 'how long').argParser(number(0.1)).default(60))
  .addOption(new Option('--seed <n>', 'this world alone').argParser(number(0)))
  .addOption(new Option('--seeds <n>', 'how many worlds, however long').argParser(number(1)))
  .addOption(new Option('--from <n>', 'the first seed').argParser(number(0)))
  .addOption(
    new Option('--guards <names>', 'all, none, or which are on; by chance if not given').argParser(
      guards,
    ),
  )
  .addOption(
    new Option('--field [kind]', 'worlds after reports from the field; of this kind alone').choices(
      Object.keys(FIELD_KINDS),
    ),
  )
  .option('--no-field', 'with --against: worlds of the old kinds alone')
  .option('--state', "instead: the registry's state, on a disk that fails, left at every instant")
  .option('--against <dir>', 'instead: compare with the build of another checkout (1000 worlds)')
  .option('--traces <dir>', "with --against: recorded heartbeats to compare with; the tests' own")
  .addOption(
    new Option('--tolerance <share>', 'with --against: of numbers, the difference that is allowed')
      .argParser(number(0))
      .default(0),
  )
  .parse()
  .opts();
const field = fieldGiven ?? false;
const options = { ...(on && { guards: on }), ...(field !== false && { field }) };

const start = performance.now();
const first = seed ?? from ?? Math.floor(Math.random() * 1e9);
const count = seed !== undefined ? 1 : (seeds ?? Infinity);

if (state) {
  const { tortureState } = await import('./support/torture-state.mjs');
  process.exit((await tortureState({ first, count, seconds })) ? 0 : 1);
}

if (against !== undefined) {
  const { compareBuilds } = await import('./support/torture-against.mjs');
  const asked = { first, count: count === Infinity ? 1000 : count, options };
  asked.oldAlone = fieldGiven === false;
  process.exit((await compareBuilds(against, asked, { traces, tolerance })) ? 0 : 1);
}

const total = { seeds: 0, beats: 0, events: 0, suspicions: 0, mistakes: 0, excused: 0 };
let worst;
let availability = 1;

const figure = (n) => Math.round(n).toLocaleString('en');
const elapsed = () => (performance.now() - start) / 1000;
const done = () =>
  count === Infinity ? Math.min(elapsed() / seconds, 1) : Math.min(total.seeds / count, 1);

function status() {
  const rate = total.beats / elapsed() / 1e6;
  return `${figure(total.seeds)} seeds, ${figure(total.beats)} heartbeats (${rate.toFixed(2)} M/s)`;
}

let shown = 0;
function progress() {
  const now = performance.now();
  const tty = process.stdout.isTTY;
  if (now - shown < (tty ? 100 : 10_000)) return;
  if (tty) {
    const full = Math.round(done() * BAR);
    const bar = pc.green('█'.repeat(full)) + pc.dim('░'.repeat(BAR - full));
    process.stdout.write(`\r\x1b[K${bar} ${Math.round(done() * 100)} % · ${status()}`);
  } else if (shown > 0) {
    console.log(`${Math.round(elapsed())} s: ${status()}`);
  }
  shown = now;
}

const clear = () => process.stdout.isTTY && process.stdout.write('\r\x1b[K');

function take(simulation) {
  const { beats, events, accuracy, worstDetection } = simulation;
  total.seeds++;
  total.beats += beats;
  total.events += events.length;
  for (const key of ['suspicions', 'mistakes', 'excused']) total[key] += accuracy[key];
  availability = Math.min(availability, accuracy.availability);
  if (worstDetection === undefined) return;
  // The one that came closest to its bound, of those that a bound was stated for.
  const share = worstDetection.delay / worstDetection.bound;
  if (worst === undefined || share > worst.delay / worst.bound) {
    worst = { ...worstDetection, seed: simulation.seed };
  }
}

function fail(number, violations) {
  clear();
  console.log(pc.red(`seed ${number}: ${violations.length} violations`));
  for (const { invariant, at, observer, node, message } of violations.slice(0, MOST_SHOWN)) {
    console.log(`  ${pc.bold(invariant)}: ${INVARIANTS[invariant]}`);
    console.log(`    at ${at.toFixed(3)} ms, observer ${observer}, node ${node}: ${message}`);
  }
  const guarded = on ? ` --guards ${on.join(',') || 'none'}` : '';
  const kind = field === true ? ' --field' : field ? ` --field ${field}` : '';
  const given = Object.keys(options).length > 0 ? `, ${JSON.stringify(options)}` : '';
  console.log(`replay: npm run torture -- --seed ${number}${guarded}${kind}`);
  console.log(`    or: simulate(randomScenario(${number}${given}))`);
  process.exitCode = 1;
}

const worlds = field === false ? '' : `, field worlds${field === true ? '' : `: ${field}`}`;
console.log(
  `torture from seed ${first}${worlds}${on ? `, guards: ${on.join(', ') || 'none'}` : ''}`,
);
for (let n = first; total.seeds < count && (count < Infinity || elapsed() < seconds); n++) {
  const simulation = simulate(randomScenario(n, options));
  take(simulation);
  if (simulation.violations.length > 0) {
    fail(n, simulation.violations);
    break;
  }
  progress();
}
clear();
console.log(`${status()}, ${figure(total.events)} events in ${elapsed().toFixed(1)} s`);
if (worst) {
  const { delay, bound, node, seed: where } = worst;
  const of = `${delay.toFixed(1)} ms of at most ${bound.toFixed(1)}`;
  console.log(`the death found closest to its bound: ${of} (node ${node}, seed ${where})`);
}
const { suspicions, mistakes, excused } = total;
const made = `${figure(suspicions)} suspicions, ${figure(mistakes)} of nodes that ran but were not heard`;
console.log(`${made}, ${figure(excused)} of them for want of a guard`);
console.log(
  `in the worst of worlds, running nodes were trusted ${(availability * 100).toFixed(2)} %`,
);
