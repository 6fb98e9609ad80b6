/**
 * Cost of a heartbeat as peers and windows grow, beside its floor, drawn as docs/heartbeat-growth.svg
 * (`--no-chart`, and a smoke run, leave the drawing as it is).
 */
import { writeFile } from 'node:fs/promises';
import { growthChart } from './lib/chart.mjs';
import { byHandle, Fleet, floorByHandle } from './lib/fleet.mjs';
import { report, smoke } from './lib/report.mjs';
import { compare } from './lib/rounds.mjs';

async function cost(peers, window) {
  const fleet = new Fleet(peers, window);
  const operations = Math.max(smoke ? 500 : 20_000, Math.min(peers, 200_000));
  const { ns } = await compare(
    {
      ours: { run: () => fleet.run(operations, byHandle), operations },
      floor: { run: () => fleet.runFloor(operations, floorByHandle), operations },
    },
    { rounds: 5, samples: 4 },
  );
  fleet.detector.close();
  return { ours: ns('ours'), floor: ns('floor') };
}

const PEERS = smoke ? [100, 200] : [1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6];
const WINDOWS = smoke ? [10, 20] : [10, 30, 100, 300, 1000, 3000, 10_000];
const FIXED = { window: smoke ? 10 : 100, peers: smoke ? 100 : 1000 };

const overPeers = [];
for (const n of PEERS) overPeers.push({ n, ...(await cost(n, FIXED.window)) });
const overWindows = [];
for (const n of WINDOWS) overWindows.push({ n, ...(await cost(FIXED.peers, n)) });

// The unit of the chart: a heartbeat with the fewest peers, everything in cache.
const unit = overPeers[0].ours;
const inUnits = (points) =>
  points.map(({ n, ours, floor }) => ({ n, ours: ours / unit, floor: floor / unit }));
const panels = [
  { label: `peers, window ${FIXED.window}`, points: inUnits(overPeers) },
  { label: `window, ${FIXED.peers.toLocaleString('en')} peers`, points: inUnits(overWindows) },
];
if (!smoke && !process.argv.includes('--no-chart')) {
  await writeFile(new URL('../docs/heartbeat-growth.svg', import.meta.url), growthChart(panels));
}
report(
  `Growth: heartbeat by handle, in heartbeats of ${PEERS[0].toLocaleString('en')} peers`,
  panels.flatMap(({ label, points }) =>
    points.flatMap(({ n, ours, floor }) => [
      { what: `${n.toLocaleString('en')} (${label})`, value: ours, unit: '×' },
      { what: `${n.toLocaleString('en')} (${label}): floor`, value: floor, unit: '×' },
    ]),
  ),
);
