/** From two signals to one status: the table of docs/registry.md, and nothing else. */
import type { InstanceStatus, SignalState } from './instance.js';

/** How a signal stands; `'critical'` is lateness of φ ≥ 3, or of two missed polls. */
export type Reading = SignalState | 'critical';

type Row = Readonly<Record<'ok' | 'late' | 'missing', InstanceStatus>>;

/** `TABLE[process][service]`. */
const TABLE: Readonly<Record<'ok' | 'late' | 'missing', Row>> = {
  ok: { ok: 'available', late: 'overloaded', missing: 'zombie' },
  late: { ok: 'overloaded', late: 'critical', missing: 'zombie' },
  missing: { ok: 'probe-failing', late: 'critical', missing: 'dead' },
};

/** One signal alone. */
const ALONE: Readonly<Record<'ok' | 'late' | 'critical' | 'missing', InstanceStatus>> = {
  ok: 'available',
  late: 'overloaded',
  critical: 'critical',
  missing: 'dead',
};

const isKnown = (
  reading: Reading,
): reading is Exclude<Reading, 'unused' | 'unknown' | 'not-ready'> =>
  reading !== 'unused' && reading !== 'unknown' && reading !== 'not-ready';

const column = (reading: 'ok' | 'late' | 'critical' | 'missing') =>
  reading === 'critical' ? 'late' : reading;

/**
 * The status of an instance. What cannot be heard at present leaves it to the other signal; where
 * nothing can, it stays what it was: that is the observer's failure.
 */
export function classify(
  process: Reading,
  service: Reading,
  before: InstanceStatus,
): InstanceStatus {
  if (service === 'not-ready') return 'not-ready';
  if (isKnown(process)) {
    return isKnown(service) ? TABLE[column(process)][column(service)] : ALONE[process];
  }
  if (isKnown(service)) return ALONE[service];
  return process === 'unused' && service === 'unused' ? 'starting' : before;
}

/** Polls that failed in a row: one is late, two or three are critical, the fourth is missing. */
export function readingOfMisses(misses: number): 'ok' | 'late' | 'critical' | 'missing' {
  if (misses === 0) return 'ok';
  return misses === 1 ? 'late' : misses < 4 ? 'critical' : 'missing';
}
