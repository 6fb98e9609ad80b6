/**
 * A heartbeat among many peers, in random order, through a handle and by id, against the least
 * that must be done: the same look-up, the same cache lines.
 */
import { byHandle, byId, Fleet, floorByHandle, floorById } from './lib/fleet.mjs';
import { reportParts } from './lib/parts.mjs';
import { smoke } from './lib/report.mjs';
import { compare } from './lib/rounds.mjs';

const WINDOW = smoke ? 10 : 100;
const sizes = smoke
  ? { 1: { atMost: 2.5 }, '1,000': { atMost: 2.5 } }
  : {
      1: { atMost: 2.5 },
      '1,000': { atMost: 2.5 },
      '100,000': { atMost: 1.6 },
      '1,000,000': { atMost: 1.6 },
    };

await reportParts(import.meta.url, 'Heartbeats of many peers', sizes, async ({ atMost }, name) => {
  const peers = Number(name.replaceAll(',', ''));
  const fleet = new Fleet(peers, WINDOW);
  const beats = Math.max(smoke ? 1000 : 20_000, Math.min(peers, 200_000));
  const contestant = (way) => ({ run: () => fleet.run(beats, way), operations: beats });
  const floor = (way) => ({ run: () => fleet.runFloor(beats, way), operations: beats });
  const { ns, ratio } = await compare(
    {
      handle: contestant(byHandle),
      handleFloor: floor(floorByHandle),
      id: contestant(byId),
      idFloor: floor(floorById),
    },
    { rounds: 7, samples: 8 },
  );
  const overHandle = ratio('handle', 'handleFloor');
  const overId = ratio('id', 'idFloor');
  const label = `${name} peer${peers === 1 ? '' : 's'}`;
  return [
    { what: `${label}, by handle`, value: ns('handle'), unit: 'ns' },
    { what: `${label}, by id`, value: ns('id'), unit: 'ns' },
    { what: `${label}, by handle: of its floor`, value: overHandle, unit: '×', atMost },
    { what: `${label}, by id: of its floor`, value: overId, unit: '×', atMost },
  ];
});
