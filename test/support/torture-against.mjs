/**
 * `npm run torture -- --against DIR`: this build and the one in DIR/dist must say the same. Both are
 * given the same worlds, and the same recorded heartbeats; everything that they say and answer is
 * compared. Only what is public of either is used.
 */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as ours from 'phi-accrual';
import { nominalInterval, randomScenario, readTrace, simulate } from 'phi-accrual/lab';
import pc from 'picocolors';
import { Comparison } from './comparison.mjs';

const TRACES = fileURLToPath(new URL('../traces', import.meta.url));
const EVERY = 10_000;
const EVENTS = [
  ...['suspect', 'available', 'level', 'late', 'left', 'refused'],
  ...['stall', 'clock-step', 'mass-silence', 'error'],
];
const MODELS = ['normal', 'logistic', 'exponential', 'calibrated'];
/** Silences after each heartbeat, in intervals: before the mean, about the threshold, long dead. */
const SILENCES = [0.5, 1, 1.3, 2, 5, 100];
/** Each of so many heartbeats has the detector explain itself before it. */
const EXPLAINED = 50;
const LEVELS = { slow: 1, critical: 3, dead: 20 };

/** Writes down what a detector says from now on; each entry is an object of plain values. */
function listen(detector, observer, write) {
  for (const event of EVENTS) {
    detector.on(event, (payload) => write({ what: event, observer, ...payload }));
  }
}

/** A maker of detectors that write down what they say and, of each call, what they answer. */
function witnessed({ FailureDetector }, write) {
  let observers = 0;
  return (options) => {
    const observer = observers++;
    const detector = new FailureDetector(options);
    const handles = new Map();
    listen(detector, observer, write);
    detector.watch = (...args) => {
      const handle = FailureDetector.prototype.watch.apply(detector, args);
      handles.set(args[0], handle);
      write({ what: 'watch', observer, suspectAt: handle.suspectAt(), ...handle.explain() });
      return handle;
    };
    let beats = 0;
    detector.heartbeat = (peer, at, info) => {
      if (beats++ % EXPLAINED === 0) {
        write({ what: 'explain', observer, ...detector.explain(peer, at) });
      }
      const outcome = FailureDetector.prototype.heartbeat.call(detector, peer, at, info);
      const suspectAt = handles.get(peer)?.suspectAt();
      write({ what: 'heartbeat', observer, peer, at, outcome, suspectAt });
      return outcome;
    };
    detector.close = () => {
      const at = detector.now();
      for (const peer of detector.peers()) {
        write({ what: 'explain', observer, ...detector.explain(peer, at) });
        write({ what: 'phi', observer, peer, phi: detector.phi(peer, at + 1234.5) });
      }
      write({ what: 'snapshot', observer, snapshot: detector.snapshot() });
      FailureDetector.prototype.close.call(detector);
    };
    return detector;
  };
}

/** All that happened in a world whose detectors are those of a build. */
function transcript(build, scenario) {
  const entries = [];
  const make = witnessed(build, (entry) => entries.push(entry));
  const { beats, sent, violations, accuracy } = simulate({ ...scenario, make });
  for (const violation of violations) entries.push({ what: 'violation', ...violation });
  entries.push({ what: 'end', beats, sent, ...accuracy });
  return { entries, beats };
}

/** Worlds from seeds, of the old kinds and of the field's, or of either alone. */
function* worlds({ first, count, options, oldAlone }) {
  const kinds = options.field === undefined && !oldAlone ? [{}, { field: true }] : [{}];
  for (let seed = first, n = 0; n < count; seed++) {
    for (const kind of kinds) {
      if (n++ < count) yield { seed, options: { ...options, ...kind } };
    }
  }
}

/** @returns whether all worlds passed alike */
function compareWorlds(theirs, asked, comparison) {
  const start = performance.now();
  const total = { worlds: 0, heartbeats: 0, entries: 0 };
  const said = () =>
    Object.entries(total)
      .map(([what, n]) => `${n.toLocaleString('en')} ${what}`)
      .join(', ');
  let shown = start;
  for (const { seed, options } of worlds(asked)) {
    const scenario = randomScenario(seed, options);
    const [before, now] = [transcript(theirs, scenario), transcript(ours, scenario)];
    total.worlds++;
    total.heartbeats += now.beats;
    total.entries += now.entries.length;
    const found = comparison.firstDifference(before.entries, now.entries);
    if (found !== undefined) {
      const given = Object.keys(options).length > 0 ? `, ${JSON.stringify(options)}` : '';
      console.log(pc.red(`seed ${seed}: entry ${found.index} differs in ${found.path}`));
      console.log(`  there: ${found.before}`);
      console.log(`  here:  ${found.now}`);
      console.log(`  world: simulate(randomScenario(${seed}${given}))`);
      return false;
    }
    if (performance.now() - shown < EVERY) continue;
    shown = performance.now();
    console.log(`${Math.round((shown - start) / 1000)} s: ${said()}, all alike`);
  }
  console.log(`${said()}: all alike, in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return true;
}

/** One peer, asked after every heartbeat for all that it can tell. */
function* single({ PhiAccrualDetector }, options, at, interval) {
  const detector = new PhiAccrualDetector(options);
  for (let i = 0; i < at.length; i++) {
    const outcome = detector.heartbeat(at[i]);
    const { mean, stdDev, sampleCount, lastHeartbeat } = detector;
    const entry = { what: 'heartbeat', at: at[i], outcome, mean, stdDev, sampleCount };
    entry.lastHeartbeat = lastHeartbeat;
    entry.suspectAt = detector.suspectAt();
    entry.suspectAt3 = detector.suspectAt(3);
    for (const k of SILENCES) entry[`phi${k}`] = detector.phi(at[i] + k * interval);
    entry.isAvailable = detector.isAvailable(at[i] + 2 * interval);
    yield entry;
  }
  yield { what: 'snapshot', snapshot: detector.snapshot() };
}

/**
 * The same of a detector of many, by id and by handle, with its events; heartbeats are numbered, now
 * and then announce a nap, or teach nothing.
 */
function* many({ FailureDetector }, options, at, interval) {
  let now = 0;
  const detector = new FailureDetector({
    ...options,
    ...{ levels: LEVELS, recoverAfter: 2, timers: false, clock: () => now },
  });
  const entries = [];
  listen(detector, 0, (entry) => entries.push(entry));
  const handle = detector.watch('peer');
  for (let i = 0; i < at.length; i++) {
    now = Math.max(now, at[i]);
    entries.push({ what: 'advance', next: detector.advance(now) });
    const info = { incarnation: Math.floor(i / 5000), sequence: i };
    if (i % EXPLAINED === 0) entries.push({ what: 'explain', ...handle.explain(at[i]) });
    if (i % 97 === 0) info.next = 3 * interval;
    if (i % 89 === 0) info.learn = false;
    const outcome = i % 3 === 0 ? detector.heartbeat('peer', at[i]) : handle.heartbeat(at[i], info);
    const { mean, stdDev, sampleCount, lastHeartbeat, status, level } = handle;
    const entry = { what: 'heartbeat', at: at[i], outcome, mean, stdDev, sampleCount };
    Object.assign(entry, { lastHeartbeat, status, level });
    entry.suspectAt = handle.suspectAt();
    entry.suspectAt3 = handle.suspectAt(3);
    for (const k of SILENCES) entry[`phi${k}`] = handle.phi(at[i] + k * interval);
    entry.phiById = detector.phi('peer', at[i] + 2 * interval);
    entries.push(entry);
    yield* entries;
    entries.length = 0;
  }
  yield { what: 'explain', ...handle.explain(now + interval) };
  yield { what: 'snapshot', snapshot: detector.snapshot() };
  detector.close();
}

/** As it comes, and with little to smooth what the window holds. */
const SETTINGS = { default: {}, bare: { windowSize: 100, minStdDev: 0.01, learn: 'always' } };

/** @returns whether all traces of a folder were judged alike */
async function compareTraces(theirs, folder, comparison) {
  const names = (await readdir(folder)).filter((name) => /\.csv(\.gz)?$/.test(name)).sort();
  if (names.length === 0) console.log(`${folder}: no traces (*.csv, *.csv.gz)`);
  let alike = true;
  for (const name of names) {
    const trace = await readTrace(join(folder, name));
    const interval = nominalInterval(trace);
    comparison.begin();
    let found;
    for (const model of MODELS) {
      for (const [setting, rest] of Object.entries(SETTINGS)) {
        for (const [kind, ask] of Object.entries({ single, many })) {
          const options = { model, heartbeatInterval: interval, ...rest };
          for (const { session, recvMs } of trace.sessions) {
            const at = recvMs.filter((ms) => !Number.isNaN(ms));
            const difference = comparison.firstDifference(
              ask(theirs, options, at, interval),
              ask(ours, options, at, interval),
              true,
            );
            found ??= difference && { ...difference, model, setting, kind, session };
          }
        }
      }
    }
    console.log(
      `${name}: ${trace.heartbeats.toLocaleString('en')} heartbeats, ${comparison.told()}`,
    );
    if (found === undefined) continue;
    alike = false;
    const { model, setting, kind, session, index, path, before, now } = found;
    const where = `session ${session}, ${model}, ${setting} settings, detector of ${kind}`;
    console.log(pc.red(`  ${where}: entry ${index} differs in ${path}`));
    console.log(`    there: ${before}`);
    console.log(`    here:  ${now}`);
  }
  return alike;
}

/**
 * @param asked first seed, count of worlds, options of their scenarios
 * @param folder of traces; by default those that the tests have
 * @param tolerance the relative difference of numbers that is allowed
 * @returns whether both builds are alike
 */
export async function compareBuilds(directory, asked, { traces = TRACES, tolerance = 0 } = {}) {
  const dist = resolve(directory, 'dist', 'index.js');
  const theirs = await import(pathToFileURL(dist));
  if (theirs.FailureDetector === ours.FailureDetector) console.log(`${dist} is this very build`);
  console.log(`against ${dist}, from seed ${asked.first}`);
  const comparison = new Comparison(tolerance);
  const worldsAlike = compareWorlds(theirs, asked, comparison);
  const tracesAlike = await compareTraces(theirs, traces, comparison);
  for (const line of comparison.fieldsOfOne()) console.log(line);
  return worldsAlike && tracesAlike;
}
