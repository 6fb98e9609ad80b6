/**
 * What the service sends, read field by field: the page may be older or newer than the service,
 * so that whatever it does not know is left out and counted, and nothing of it throws.
 */

/** An instance, as far as the page shows it; durations in ms, times in ms since 1970. */
export interface Instance {
  readonly id: string;
  readonly service: string;
  readonly address: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly generation: number | undefined;
  readonly heartbeatInterval: number | undefined;
  readonly ttl: number | undefined;
  readonly status: string;
  readonly signals: { readonly process: string; readonly service: string };
  readonly draining: boolean;
  readonly routable: boolean;
  readonly registeredAt: number | undefined;
  readonly changedAt: number | undefined;
}

export interface Snapshot {
  readonly type: 'snapshot';
  readonly revision: number;
  readonly instances: readonly Instance[];
}

export interface Change {
  readonly type: 'change';
  readonly revision: number;
  readonly kind: string;
  readonly instance: Instance;
  readonly reason: string | undefined;
}

/** The figures of one instance at one instant; durations in ms. */
export interface Figures {
  readonly id: string;
  readonly phi: number | undefined;
  /** The highest φ since the frame before. */
  readonly peak: number | undefined;
  readonly silence: number | undefined;
  readonly mean: number | undefined;
  /** As φ is computed with: not below the floors. */
  readonly stdDev: number | undefined;
  /** Until it is suspected if silence goes on; undefined for never. */
  readonly suspectIn: number | undefined;
  readonly weight: number | undefined;
}

export interface Frame {
  readonly type: 'frame';
  /** In ms of the service's clock. */
  readonly at: number | undefined;
  /** The same instant in ms since 1970, by the service. */
  readonly wall: number | undefined;
  readonly rows: readonly Figures[];
}

/** A rule of protection came into force or ended. */
export interface ProtectionEdge {
  readonly type: 'protection';
  readonly rule: string;
  readonly active: boolean;
  readonly service: string | undefined;
  /** Which of the two detectors says it, where each has its own. */
  readonly signal: string | undefined;
  /** Of a stall, in ms. */
  readonly duration: number | undefined;
}

export type Message = Snapshot | Change | Frame | ProtectionEdge;

type Fields = Readonly<Record<string, unknown>>;

export const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : undefined;
export const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;
export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** What `text` says; undefined for what is not JSON. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Undefined for what has no id. */
export function readInstance(value: unknown): Instance | undefined {
  const from = fieldsOf(value);
  const id = textOf(from?.id);
  if (from === undefined || id === undefined) return undefined;
  const signals = fieldsOf(from.signals);
  const meta = Object.entries(fieldsOf(from.meta) ?? {});
  return {
    id,
    service: textOf(from.service) ?? '',
    address: textOf(from.address) ?? '',
    meta: Object.fromEntries(meta.map(([key, each]) => [key, String(each)])),
    generation: numberOf(from.generation),
    heartbeatInterval: numberOf(from.heartbeatInterval),
    ttl: numberOf(from.ttl),
    status: textOf(from.status) ?? 'unknown',
    signals: {
      process: textOf(signals?.process) ?? 'unknown',
      service: textOf(signals?.service) ?? 'unknown',
    },
    draining: from.draining === true,
    routable: from.routable === true,
    registeredAt: numberOf(from.registeredAt),
    changedAt: numberOf(from.changedAt),
  };
}

const present = <T>(value: T | undefined): value is T => value !== undefined;

function readRow(value: unknown): Figures | undefined {
  const [id, ...rest] = listOf(value);
  if (textOf(id) === undefined) return undefined;
  const [phi, peak, silence, mean, stdDev, suspectIn, weight] = rest.map(numberOf);
  return { id: String(id), phi, peak, silence, mean, stdDev, suspectIn, weight };
}

/** The message of an event `type` of the stream; undefined for what the page does not know. */
export function readMessage(type: string, text: string): Message | undefined {
  const from = fieldsOf(parse(text));
  if (from === undefined) return undefined;
  const revision = numberOf(from.revision);
  if (type === 'snapshot' && revision !== undefined && Array.isArray(from.instances)) {
    return { type, revision, instances: from.instances.map(readInstance).filter(present) };
  }
  if (type === 'change' && revision !== undefined) {
    const instance = readInstance(from.instance);
    const kind = textOf(from.kind);
    if (instance === undefined || kind === undefined) return undefined;
    return { type, revision, kind, instance, reason: textOf(from.reason) };
  }
  if (type === 'frame' && Array.isArray(from.rows)) {
    return {
      type,
      at: numberOf(from.at),
      wall: numberOf(from.wall),
      rows: from.rows.map(readRow).filter(present),
    };
  }
  const rule = textOf(from.rule);
  if (type === 'protection' && rule !== undefined) {
    return {
      type,
      rule,
      active: from.active === true,
      service: textOf(from.service),
      signal: textOf(from.signal),
      duration: numberOf(from.duration),
    };
  }
  return undefined;
}
