/** What happened, newest first, and what of it is said aloud. */
import { counted, duration } from './format.js';
import type { Change, Instance, ProtectionEdge } from './messages.js';
import { lookOf } from './words.js';

export interface Entry {
  /** ms since 1970. */
  readonly at: number;
  /** Undefined for what concerns nobody alone. */
  readonly id: string | undefined;
  readonly text: string;
  readonly tone: string;
}

type Told = 'status' | 'generation' | 'draining' | 'routable';

const KINDS: Readonly<Record<string, string>> = {
  registered: 'registered',
  deregistered: 'deregistered',
  removed: 'removed',
};

/** What happened to an instance, in words. */
export function wordsOf(
  kind: string,
  { status, generation, draining, routable }: Pick<Instance, Told>,
  reason: string | undefined,
): string {
  let text = KINDS[kind] ?? kind;
  if (kind === 'status') text = lookOf(status).word;
  if (kind === 'draining') text = draining ? 'draining' : 'no longer draining';
  if (kind === 'registered') text += `, generation ${generation ?? '?'}`;
  if (kind === 'signals') text = 'signals changed';
  if (kind === 'routing') text = routable ? 'among the targets again' : 'no target any more';
  return reason === undefined ? text : `${text}: ${reason}`;
}

/**
 * The entry of a change; `now`, ms since 1970, where the change itself does not say when. Undefined
 * for what changes nobody's status: an open instance tells that among its own events.
 */
export function entryOf({ kind, instance, reason }: Change, now: number): Entry | undefined {
  if (kind === 'signals') return undefined;
  const at = kind === 'status' ? (instance.changedAt ?? now) : now;
  return {
    at,
    id: instance.id,
    text: wordsOf(kind, instance, reason),
    tone: kind === 'status' ? lookOf(instance.status).tone : 'quiet',
  };
}

/** In ms: a busy machine has shorter stalls by the dozen, and none of them matters to a reader. */
const NOTED_STALL = 500;

/** Undefined for what is not worth a line. */
export function entryOfEdge(
  { rule, active, service, signal, duration: lasted }: ProtectionEdge,
  now: number,
): Entry | undefined {
  const whose = service ?? (signal === undefined ? undefined : `the ${signal} signals`);
  const where = whose === undefined ? '' : ` of ${whose}`;
  if (rule === 'stall') {
    // The registry tells of it when it is over.
    if (lasted !== undefined && lasted < NOTED_STALL) return undefined;
    const text = `protection: stalled for ${duration(lasted)}`;
    return { at: now, id: undefined, text, tone: 'warn' };
  }
  const text = `protection: ${rule}${where} ${active ? 'begins' : 'ends'}`;
  return { at: now, id: undefined, text, tone: active ? 'warn' : 'good' };
}

/** A bounded list, newest first. */
export class Log {
  readonly #entries: Entry[] = [];
  readonly #most: number;

  /** @param most the oldest beyond so many are dropped */
  constructor(most: number) {
    this.#most = most;
  }

  add(entry: Entry): void {
    this.#entries.unshift(entry);
    this.#entries.length = Math.min(this.#entries.length, this.#most);
  }

  entries(): readonly Entry[] {
    return this.#entries;
  }
}

/** One sentence for what happened since the last one: names while they are few, else numbers. */
export function announcement(entries: readonly Entry[]): string {
  if (entries.length <= 2) {
    return entries.map(({ id, text }) => (id === undefined ? text : `${id} ${text}`)).join('; ');
  }
  const kinds = new Map<string, number>();
  for (const { text } of entries) {
    const [kind] = text.split(/[:,]/);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const parts = [...kinds].sort((a, b) => b[1] - a[1]).slice(0, 3);
  return `${counted(entries.length, 'event')}: ${parts.map(([kind, n]) => `${n} ${kind}`).join(', ')}`;
}
