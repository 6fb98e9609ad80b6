/**
 * Watchers: a snapshot, then every change once. A watcher has no queue of its own but a place in
 * the change log, so a slow one costs nothing; one that the log has left behind begins anew with a
 * snapshot.
 */
import { checkKeys, checkNumber, checkType } from '../core/validate.js';
import type { InstanceView } from './instance.js';
import type { Change, WatchEvent } from './views.js';

/** Options of `Registry.watch`. */
export interface WatchOptions {
  /** Ends the iteration when it is aborted; it does not throw. */
  readonly signal?: AbortSignal;
  /** Goes on after this revision instead of a snapshot, if its changes are still known. */
  readonly after?: number;
  /** How many changes it may be behind before it gets a snapshot. Default: as many as are kept. */
  readonly limit?: number;
}

/** @throws TypeError, RangeError that name the option, what was expected and what came */
export function checkWatchOptions(service: string | undefined, given: WatchOptions): WatchOptions {
  const isService = service === undefined || typeof service === 'string';
  checkType('service', 'a string, or undefined for all', service, isService);
  const { signal, after, limit } = checkKeys('options', given, ['signal', 'after', 'limit']);
  const isSignal = signal === undefined || typeof signal?.addEventListener === 'function';
  checkType('signal', 'an AbortSignal', signal, isSignal);
  const revision = { least: 0, most: Number.MAX_SAFE_INTEGER, integer: true };
  if (after !== undefined) checkNumber('after', after, revision);
  if (limit !== undefined) checkNumber('limit', limit, { least: 1, most: Infinity });
  return given;
}

/** The last changes, by revision: watchers and clients that reconnect go on from one of them. */
export class ChangeLog {
  readonly #ring: Change[] = [];
  readonly #length: number;
  /** The revision of the last change. */
  revision = 0;

  /** @param length changes that are kept */
  constructor(length: number) {
    this.#length = length;
  }

  push(change: Change): void {
    this.revision = change.revision;
    this.#ring[change.revision % this.#length] = change;
  }

  /** Whether every change after `revision` is still there. */
  reaches(revision: number): boolean {
    return revision <= this.revision && this.revision - revision <= this.#length;
  }

  /** The change with that revision, which has to be within {@link reaches}. */
  at(revision: number): Change {
    return this.#ring[revision % this.#length];
  }
}

/** All instances, or those of a service, as they are now. */
type Views = (service: string | undefined) => InstanceView[];

type Resolve = (result: IteratorResult<WatchEvent>) => void;

const END: IteratorResult<WatchEvent> = { done: true, value: undefined };

class Watcher implements AsyncIterableIterator<WatchEvent> {
  readonly #log: ChangeLog;
  readonly #views: Views;
  readonly #service: string | undefined;
  readonly #limit: number;
  readonly #leave: (watcher: Watcher) => void;
  /** The last revision that it was told; −1 before the first. */
  #seen: number;
  #ended = false;
  readonly #waiting: Resolve[] = [];

  constructor(
    log: ChangeLog,
    views: Views,
    service: string | undefined,
    { after = -1, limit = Infinity }: WatchOptions,
    leave: (watcher: Watcher) => void,
  ) {
    this.#log = log;
    this.#views = views;
    this.#service = service;
    this.#limit = limit;
    this.#seen = after;
    this.#leave = leave;
  }

  /** Something has changed: whoever waits for it is told. */
  notify(): void {
    while (this.#waiting.length > 0) {
      const value = this.#take();
      if (value === undefined) return;
      this.#waiting.shift()?.({ done: false, value });
    }
    // Changes of other services must not let one that has read everything fall behind.
    const log = this.#log;
    if (this.#seen === log.revision - 1 && !this.#concerns(log.revision)) this.#seen++;
  }

  #concerns(revision: number): boolean {
    const { service } = this.#log.at(revision).instance;
    return this.#service === undefined || this.#service === service;
  }

  /** What comes next; undefined when that has not happened yet. */
  #take(): WatchEvent | undefined {
    const log = this.#log;
    const { revision } = log;
    const behind = revision - this.#seen > this.#limit || !log.reaches(this.#seen);
    if (this.#seen < 0 || behind) {
      this.#seen = revision;
      return { type: 'snapshot', revision, instances: this.#views(this.#service) };
    }
    while (this.#seen < revision) {
      this.#seen++;
      if (this.#concerns(this.#seen)) return { type: 'change', ...log.at(this.#seen) };
    }
    return undefined;
  }

  next(): Promise<IteratorResult<WatchEvent>> {
    if (this.#ended) return Promise.resolve(END);
    const value = this.#waiting.length === 0 ? this.#take() : undefined;
    if (value !== undefined) return Promise.resolve({ done: false, value });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<WatchEvent>> {
    this.end();
    return Promise.resolve(END);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#leave(this);
    for (const resolve of this.#waiting.splice(0)) resolve(END);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Watchers that one signal ends: it has one listener for all, for Node warns of more than ten. */
interface Scope {
  readonly abort: () => void;
  readonly watchers: Set<Watcher>;
}

export class Watching {
  readonly #log: ChangeLog;
  readonly #views: Views;
  readonly #watchers = new Set<Watcher>();
  readonly #scopes = new Map<AbortSignal, Scope>();
  #closed = false;

  constructor(log: ChangeLog, views: Views) {
    this.#log = log;
    this.#views = views;
  }

  get size(): number {
    return this.#watchers.size;
  }

  watch(service: string | undefined, options: WatchOptions): AsyncIterableIterator<WatchEvent> {
    const { signal } = options;
    const leave = (each: Watcher) => {
      this.#watchers.delete(each);
      if (signal) this.#release(signal, each);
    };
    const watcher = new Watcher(this.#log, this.#views, service, options, leave);
    if (this.#closed || signal?.aborted) watcher.end();
    else {
      this.#watchers.add(watcher);
      if (signal) this.#scopeOf(signal).watchers.add(watcher);
    }
    return watcher;
  }

  #scopeOf(signal: AbortSignal): Scope {
    let scope = this.#scopes.get(signal);
    if (scope === undefined) {
      const watchers = new Set<Watcher>();
      const abort = () => {
        for (const each of watchers) each.end();
      };
      scope = { abort, watchers };
      this.#scopes.set(signal, scope);
      signal.addEventListener('abort', abort);
    }
    return scope;
  }

  #release(signal: AbortSignal, watcher: Watcher): void {
    const scope = this.#scopes.get(signal);
    if (!scope?.watchers.delete(watcher) || scope.watchers.size > 0) return;
    this.#scopes.delete(signal);
    signal.removeEventListener('abort', scope.abort);
  }

  notify(): void {
    for (const each of this.#watchers) each.notify();
  }

  close(): void {
    this.#closed = true;
    for (const each of this.#watchers) each.end();
  }
}
