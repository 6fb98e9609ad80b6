/**
 * Crossings of the threshold: how far from its computed instant each is said, on real timers; what
 * that costs; and what a mass death does to the event loop.
 */
import { FailureDetector } from './lib/build.mjs';
import { byHandle, Fleet } from './lib/fleet.mjs';
import { LoopGaps, percentiles, Traffic } from './lib/live.mjs';
import { reportParts } from './lib/parts.mjs';
import { smoke } from './lib/report.mjs';
import { compare } from './lib/rounds.mjs';

const INTERVAL = smoke ? 100 : 1000;

/** Peers that beat for a few intervals on real timers; then every tenth of them stops. */
async function some(peers) {
  const detector = new FailureDetector({ heartbeatInterval: INTERVAL });
  const lateness = [];
  detector.on('suspect', ({ at, due }) => lateness.push(at - due));
  const traffic = new Traffic(peers, INTERVAL);
  const sending = await traffic.run(smoke ? 1 : 3, () => {});
  const handles = traffic.ids.map((id) => detector.watch(id));
  const beating = await traffic.run(smoke ? 2 : 5, (i) => handles[i].heartbeat());
  await traffic.run(smoke ? 4 : 5, (i) => i % 10 !== 0 && handles[i].heartbeat());
  detector.close();
  const what = `${peers.toLocaleString('en')} peers, a tenth dies`;
  return [
    ...distribution(what, lateness, peers / 10),
    { what: `${what}: share of a core, all beats`, value: beating.cpu * 100, unit: '%' },
    { what: `${what}: share of a core, sender alone`, value: sending.cpu * 100, unit: '%' },
  ];
}

function distribution(what, lateness, died) {
  const { p50, p90, p99, max } = percentiles(lateness);
  return [
    {
      what: `${what}: deaths found, less those that died`,
      value: lateness.length - died,
      unit: 'count',
      atMost: 0,
    },
    { what: `${what}: said after due, p50`, value: p50, unit: 'ms' },
    { what: `${what}: p90`, value: p90, unit: 'ms' },
    { what: `${what}: p99`, value: p99, unit: 'ms', atMost: 3 },
    { what: `${what}: max`, value: max, unit: 'ms' },
  ];
}

/** All of them at once: nobody beats after the same instant. */
async function all(peers) {
  const detector = new FailureDetector({ heartbeatInterval: INTERVAL, massSilence: false });
  const ids = new Traffic(peers, INTERVAL).ids;
  let first = 0;
  let said = 0;
  const finished = new Promise((resolve) => {
    detector.on('suspect', () => {
      if (said++ === 0) first = performance.now();
      if (said === peers) resolve(performance.now());
    });
  });
  const handles = ids.map((id) => detector.watch(id));
  const at = detector.now();
  for (const handle of handles) handle.heartbeat(at);
  const keepAlive = setInterval(() => {}, 1000); // the detector's timer does not
  await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  const gaps = new LoopGaps();
  const end = await finished;
  const block = gaps.stop();
  clearInterval(keepAlive);
  detector.close();
  const what = `${peers.toLocaleString('en')} peers die at once`;
  return [
    { what: `${what}: from the first event to the last`, value: end - first, unit: 'ms' },
    { what: `${what}: longest block of the event loop`, value: block, unit: 'ms', atMost: 20 },
  ];
}

/** The same heartbeats with the queue at work and with nobody asking it. */
async function queue() {
  // As many as stay in cache: beyond that, where the kernel put each fleet decides.
  const peers = smoke ? 1000 : 10_000;
  const beats = smoke ? 1000 : 20_000;
  const asked = new Fleet(peers, smoke ? 10 : 100);
  const left = new Fleet(peers, smoke ? 10 : 100);
  const { ns, ratio } = await compare({
    asked: {
      run() {
        // A look every 100 beats is one every 10 ms: as often as a timer would be due.
        for (let i = 0; i < beats; i += 100) {
          asked.run(100, byHandle);
          asked.detector.advance();
        }
      },
      operations: beats,
    },
    left: {
      run() {
        for (let i = 0; i < beats; i += 100) left.run(100, byHandle);
      },
      operations: beats,
    },
  });
  return [
    { what: 'heartbeat with the queue', value: ns('asked'), unit: 'ns' },
    { what: 'heartbeat without', value: ns('left'), unit: 'ns' },
    {
      what: 'heartbeat with the queue: of that without',
      value: ratio('asked', 'left'),
      unit: '×',
      atMost: 1.5,
    },
  ];
}

const parts = smoke
  ? { some: () => some(100), all: () => all(1000), queue }
  : {
      'ten thousand': () => some(10_000),
      'hundred thousand': () => some(100_000),
      all: () => all(100_000),
      queue,
    };
await reportParts(import.meta.url, 'Crossings', parts, (part) => part());
