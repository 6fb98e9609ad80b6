/** Why a peer stands as it does, for people. */
import colours from 'picocolors';
import type { Explanation } from '../index.js';
import { formatMs, printable } from './format.js';

const HELD = {
  stall: 'this process stalled; it processes queued heartbeats first',
  'mass-silence': 'too many peers are silent at once',
  'link-down': 'its link is down; silence does not count',
  nap: 'it announced that its next heartbeat comes later',
  bootstrap: 'it was never heard; its heartbeat interval is a guess',
};

/** One line for each thing that led to the answer. */
export function explanationLines(
  id: string,
  explanation: Explanation | undefined,
  now: number,
): string[] {
  if (explanation === undefined) return [`${printable(id)} is not watched (no heartbeat yet)`];
  const { status, phi, threshold, model, mean, stdDev, stdDevUsed, floor, sampleCount } =
    explanation;
  const { supportedPhi, silence, suspectAt, lastHeartbeat, dropped, restarts, flaps, loss, held } =
    explanation;
  const rest = suspectAt - now;
  const due =
    suspectAt === Infinity
      ? 'never, as it stands'
      : rest > 0
        ? `in ${formatMs(rest)}`
        : `${formatMs(-rest)} ago`;
  const drops = Object.entries(dropped).filter(([, count]) => count > 0);
  const deviations: [string, string][] =
    stdDev === undefined || stdDevUsed === undefined
      ? [['φ is known to', `${supportedPhi?.toFixed(1)}, by what was learnt`]]
      : [
          ['σ measured', formatMs(stdDev, 2)],
          ['σ used', `${formatMs(stdDevUsed, 2)}${floor ? ` (the ${floor} floor)` : ''}`],
        ];
  const rows: [string, string][] = [
    ['status', status],
    ['level', explanation.level ?? 'none'],
    ['φ', `${phi.toFixed(3)} (threshold ${threshold}, model ${model})`],
    ['silence', silence === undefined ? 'not expected yet' : formatMs(silence, 1)],
    [
      'last heartbeat',
      lastHeartbeat === undefined ? 'none yet' : `${formatMs(now - lastHeartbeat)} ago`,
    ],
    ['suspect', due],
    ['mean', `${formatMs(mean, 1)} over ${sampleCount} intervals`],
    ...deviations,
    ['deferred', held ? `${held}: ${HELD[held]}` : 'no'],
    ['dropped', drops.map(([reason, count]) => `${count} ${reason}`).join(', ') || 'none'],
    [
      'lost',
      `${(100 * loss.rate).toFixed(2)} % of ${loss.received + loss.lost} numbered heartbeats`,
    ],
    ['restarts', String(restarts)],
    ['flaps', String(flaps)],
  ];
  return [
    colours.bold(printable(explanation.peer)),
    ...rows.map(([name, value]) => `  ${name.padEnd(15)} ${value}`),
  ];
}
