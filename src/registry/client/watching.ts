/** Following a registry's changes by server-sent events. */
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { Host } from '../../core/host.js';
import type { WatchEvent } from '../views.js';
import { Backoff } from './backoff.js';
import { RegistryError, type RegistryHttp } from './http.js';

export interface Following {
  readonly http: RegistryHttp;
  readonly host: Host;
  readonly random: () => number;
  readonly signal: AbortSignal | undefined;
  /** A connection without a byte for so long is taken for dead, in ms. */
  readonly idle: number;
  /** Told of each connection that failed and is followed by another. */
  readonly onError: (error: RegistryError) => void;
  /** Told of the start of the registry that the events are of, before the first event of each. */
  readonly onEpoch?: (epoch: string) => void;
}

/** The bytes of one connection, until it ends, fails or falls silent. */
async function* chunks(
  response: Response,
  host: Host,
  idle: number,
  aborter: AbortController,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const silent = new RegistryError(0, 'timeout', `GET /events: nothing came for ${idle} ms`);
  try {
    for (;;) {
      const timer = host.setTimeout(() => aborter.abort(silent), idle);
      const { done, value } = await reader.read().finally(() => host.clearTimeout(timer));
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    aborter.abort(); // also for a consumer that went
  }
}

/** An event of ours as it is watched; others, such as `protection`, give undefined. */
function watched({ event, data }: EventSourceMessage): WatchEvent | undefined {
  if (event !== 'snapshot' && event !== 'change') return undefined;
  return { ...JSON.parse(data), type: event } as WatchEvent;
}

/**
 * A snapshot, then the changes after it; over as many connections as it takes, of which each says
 * where the one before it ended. Ends when the signal is aborted.
 *
 * @throws RegistryError for a refusal that asking again would not change
 */
export async function* watchEvents(path: string, how: Following): AsyncGenerator<WatchEvent> {
  const { http, host, signal } = how;
  const backoff = new Backoff(host, how.random);
  let lastId: string | undefined;
  let revision = -1;
  let epoch: string | undefined;
  while (!signal?.aborted) {
    const aborter = new AbortController();
    const messages: EventSourceMessage[] = [];
    const parser = createParser({ onEvent: (message) => messages.push(message) });
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream' };
      if (lastId !== undefined) headers['last-event-id'] = lastId;
      const connect = host.setTimeout(() => aborter.abort(), how.idle);
      const response = await http
        .open('GET', path, { headers, signal }, aborter)
        .finally(() => host.clearTimeout(connect));
      for await (const text of chunks(response, host, how.idle, aborter)) {
        parser.feed(text);
        for (const message of messages.splice(0)) {
          backoff.reset();
          const event = watched(message);
          if (message.id !== undefined) lastId = message.id;
          if (event === undefined) continue;
          const ofEpoch = message.id?.replace(/-?\d*$/, '') ?? '';
          if (ofEpoch !== epoch) how.onEpoch?.(ofEpoch);
          epoch = ofEpoch;
          // What the connection before had already told is not told twice.
          if (event.type === 'change' && event.revision <= revision) continue;
          revision = event.revision;
          yield event;
          if (signal?.aborted) return;
        }
      }
    } catch (cause) {
      if (signal?.aborted) return;
      const error =
        cause instanceof RegistryError
          ? cause
          : new RegistryError(0, 'unreachable', `GET ${path}: ${String(cause)}`, { cause });
      if (!error.isTransient) throw error;
      how.onError(error);
    }
    await backoff.wait(signal);
  }
}
