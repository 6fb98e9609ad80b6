/** What was heard and seen, in a few lines at the end. */
import { max, quantile } from 'simple-statistics';
import { formatMs } from './format.js';
import type { Said } from './monitor.js';

export function summary(
  { heartbeats, malformed }: { heartbeats: number; malformed: number },
  said: readonly Said[],
): string {
  const suspicions = said.filter(({ event }) => event === 'suspect').map((s) => s.transition);
  const lines = [
    `${heartbeats} heartbeats, ${malformed} malformed datagrams, ` +
      `${suspicions.length} suspicions, ${said.length - suspicions.length} recoveries`,
  ];
  if (suspicions.length > 0) {
    const lateness = suspicions.map(({ at, due }) => at - due);
    lines.push(
      `events came ${formatMs(quantile(lateness, 0.5), 2)} (median), ` +
        `${formatMs(max(lateness), 2)} (at most) after the predicted instants`,
    );
  }
  return lines.join('\n');
}
