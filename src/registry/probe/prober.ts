/** The poll side of two-way heartbeats: asks every instance, and tells the registry. */
import { Emitter, Events, type ListenerError } from '../../core/emitter.js';
import { checkType } from '../../core/validate.js';
import { type CheckAnswer, resultOf, thrown } from '../../health/check.js';
import { Periodic, type PeriodicTask, type Run, type State } from '../../health/periodic.js';
import type { ProbeResult } from '../beat.js';
import type { InstanceView } from '../instance.js';
import type { WatchEvent } from '../views.js';
import { Contacts } from './contacts.js';
import { HostTurns, SharedPolls } from './crowd.js';
import { type ProberOptions, type ResolvedProberOptions, resolveProber } from './options.js';
import { poll, Refused, refusal } from './poll.js';
import { targetOf } from './target.js';

/** What a prober needs of whoever takes its results; a `Registry` is one. */
export interface ProbeSink {
  watch(service?: string, options?: { signal?: AbortSignal }): AsyncIterable<WatchEvent>;
  probe(id: string, generation: number, result: ProbeResult): unknown;
  /** Told whom the prober polls: each of them has to answer once before it is routed to. */
  expectPolls?(
    covers: (instance: Pick<InstanceView, 'id' | 'service' | 'address'>) => boolean,
  ): () => void;
}

/** A poll is over, whether or not the registry was told. */
export interface ProbeEvent {
  readonly id: string;
  readonly generation: number;
  readonly outcome: ProbeResult['outcome'];
  /** When it ended, in ms of the clock. */
  readonly at: number;
  /** In ms. */
  readonly duration: number;
  readonly error?: string;
}

export interface ProberEvents {
  probe: ProbeEvent;
  error: ListenerError;
}

/** What is known of one target. */
export interface ProbeView {
  readonly generation: number;
  readonly state: State;
  /** Why it can never be polled; undefined for one that can. */
  readonly refused?: string;
  /** Failures in a row. */
  readonly failures: number;
  /** The last polls, newest last. */
  readonly polls: readonly Omit<ProbeEvent, 'id' | 'generation'>[];
}

interface Watched {
  readonly instance: InstanceView;
  /** Why it can never be polled. */
  readonly refused: string | undefined;
  readonly task: PeriodicTask<CheckAnswer>;
  /** Failures in a row that the registry was not told of. */
  readonly withheld: ProbeResult[];
}

const OUTCOMES = { pass: 'answered', fail: 'failed', undecided: 'unreached' } as const;

/**
 * Polls every instance that the registry shows, by itself, until it or the registry is closed. A
 * poll that did not reach its target for reasons of the observer's is told as `unreached`, at once;
 * answers and failures by the counts `rise` and `fall`.
 */
export class Prober extends Emitter<ProberEvents> {
  readonly #sink: ProbeSink;
  readonly #options: ResolvedProberOptions;
  readonly #periodic: Periodic;
  readonly #watched = new Map<string, Watched>();
  readonly #contacts: Contacts;
  readonly #shared: SharedPolls;
  readonly #turns: HostTurns;
  readonly #ended: (() => void) | undefined;
  readonly #events: Events<ProberEvents>;
  readonly #ending = new AbortController();
  readonly #counts = { answered: 0, failed: 0, unreached: 0, refused: 0 };

  /** @throws TypeError, RangeError with the option's name */
  constructor(sink: ProbeSink, options?: ProberOptions) {
    const fits = typeof sink?.watch === 'function' && typeof sink.probe === 'function';
    checkType('sink', 'a Registry, or an object with watch() and probe()', sink, fits);
    const resolved = resolveProber(options);
    const { concurrency, schedule } = resolved;
    const { clock, random, signal } = options ?? {};
    const events = new Events<ProberEvents>();
    super(events);
    this.#events = events;
    this.#sink = sink;
    this.#options = resolved;
    this.#periodic = new Periodic({ clock, random, concurrency });
    // An answer is at most half a round old then: nobody's death is told much later for it.
    this.#shared = new SharedPolls(() => this.#periodic.now(), schedule.interval / 2);
    this.#turns = new HostTurns(resolved.perHost, this.#periodic.host);
    // Whoever can be reached was reached within two rounds.
    const round = schedule.interval * (1 + schedule.jitter) + schedule.timeout;
    this.#contacts = new Contacts(2 * round);
    this.#ended = sink.expectPolls?.(
      (each) => this.#polls(each) && refusal(each, resolved) === undefined,
    );
    if (signal?.aborted) this.close();
    else signal?.addEventListener('abort', () => this.close(), { signal: this.#ending.signal });
    this.#follow();
  }

  /** Targets, polls that run and that wait for a place, and outcomes so far. */
  get stats() {
    const { tasks: targets, running, waiting } = this.#periodic.stats;
    return { targets, running, waiting, ...this.#counts };
  }

  /** Polls that were answered by another one of the same target, and that had to wait for `perHost`. */
  get limited(): { readonly shared: number; readonly delayed: number } {
    return { shared: this.#shared.shared, delayed: this.#turns.delayed };
  }

  /** How many targets can never be polled, by their address: they go by what else is heard of them. */
  get unpollable(): number {
    let count = 0;
    for (const { refused } of this.#watched.values()) if (refused !== undefined) count++;
    return count;
  }

  /** Why an instance with this address could never be polled; undefined if it can, or is not to be. */
  refusal(instance: Pick<InstanceView, 'id' | 'service' | 'address'>): string | undefined {
    return this.#polls(instance) ? refusal(instance, this.#options) : undefined;
  }

  #polls({ service, address }: Pick<InstanceView, 'service' | 'address'>): boolean {
    if (service === undefined || address === undefined) return false; // a lease without traffic
    return this.#options.services?.has(service) ?? true;
  }

  /** What is known of a target. */
  get(id: string): ProbeView | undefined {
    const watched = this.#watched.get(id);
    if (watched === undefined) return undefined;
    const { instance, task, refused } = watched;
    const { generation } = instance;
    const { state, failures, runs } = task;
    const polls = runs.map(pollOf);
    return { generation, state, ...(refused !== undefined && { refused }), failures, polls };
  }

  /** Polls no more. */
  close(): void {
    if (!this.#ending.signal.aborted) this.#ended?.();
    this.#ending.abort();
    this.#periodic.close();
    this.#turns.close();
    this.#watched.clear();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    if (signal.aborted) return;
    try {
      for await (const event of this.#sink.watch(undefined, { signal })) {
        if (signal.aborted) return;
        this.#onEvent(event);
      }
    } catch (error) {
      if (!signal.aborted) this.#say('error', { error, event: 'watch' });
    }
    this.close();
  }

  #onEvent(event: WatchEvent): void {
    if (event.type === 'change') {
      const { kind, instance } = event;
      if (kind === 'removed' || kind === 'deregistered') this.#forget(instance.id);
      else this.#see(instance);
      return;
    }
    const there = new Set(event.instances.map(({ id }) => id));
    for (const id of this.#watched.keys()) if (!there.has(id)) this.#forget(id);
    for (const instance of event.instances) this.#see(instance);
  }

  #forget(id: string): void {
    this.#watched.get(id)?.task.remove();
    this.#watched.delete(id);
  }

  #see(instance: InstanceView): void {
    const { id, service } = instance;
    const before = this.#watched.get(id)?.instance;
    const same =
      before?.generation === instance.generation &&
      before.address === instance.address &&
      before.service === service;
    if (same) return;
    this.#forget(id);
    if (!this.#polls(instance)) return;
    const withheld: ProbeResult[] = [];
    const refused = refusal(instance, this.#options);
    // Where it is, as far as that is known before it was polled.
    const { port, tls } = this.#options;
    const place = {
      host: targetOf(instance.address ?? '', tls !== undefined, port)?.host,
      target: '',
    };
    const admit = (enter: () => void) =>
      this.#turns.take(place.host as string, enter, () => this.#shared.has(place.target));
    const isLimited = typeof this.#options.kind !== 'function' && place.host !== undefined;
    const work = {
      ...(isLimited && { admit }),
      run: (signal: AbortSignal) => poll(this.#pollOf(instance, place), this.#options, signal),
      passes: (answer: CheckAnswer) => resultOf(answer).ok,
      onRun: (run: Run<CheckAnswer>, task: PeriodicTask<CheckAnswer>) =>
        this.#onRun({ instance, refused, task, withheld }, run),
    };
    const task = this.#periodic.add(work, this.#options.schedule);
    this.#watched.set(id, { instance, refused, task, withheld });
  }

  #pollOf(instance: InstanceView, place: { host: string | undefined; target: string }) {
    const { id } = instance;
    return {
      instance,
      hasContact: () =>
        this.#watched.size === 1 || this.#contacts.hasOther(id, this.#periodic.now()),
      share: (
        target: string,
        address: string,
        signal: AbortSignal,
        ask: () => Promise<CheckAnswer>,
      ) => {
        // Many names may stand for one address.
        place.host = address;
        place.target = target;
        return this.#shared.ask(target, signal, ask);
      },
      onContact: () => this.#contacts.add(id, this.#periodic.now()),
    };
  }

  #onRun(watched: Watched, run: Run<CheckAnswer>): void {
    const { id, generation } = watched.instance;
    const { outcome, at, duration, error } = pollOf(run);
    this.#counts[outcome]++;
    if (run.error instanceof Refused) this.#counts.refused++;
    const { interval, jitter } = this.#options.schedule;
    const mean = interval * (1 + jitter / 2);
    this.#tell(watched, { outcome, at, interval: mean, ...(error !== undefined && { error }) });
    this.#say('probe', { id, generation, outcome, at, duration, error });
  }

  /**
   * What the registry is told. A failure is withheld until `fall` of them came in a row; then it
   * is told of each, so that its ladder counts polls that failed. A failure in state down, after
   * an answer that `rise` did not take, is told at once.
   */
  #tell({ instance, task, withheld }: Watched, result: ProbeResult): void {
    const told: ProbeResult[] = [];
    if (result.outcome === 'unreached') told.push(result);
    else if (result.outcome === 'failed') {
      withheld.push(result);
      if (task.state === 'down') told.push(...withheld.splice(0));
    } else {
      withheld.length = 0;
      if (task.state === 'up') told.push(result);
    }
    try {
      for (const each of told) this.#sink.probe(instance.id, instance.generation, each);
    } catch (error) {
      this.#say('error', { error, event: 'probe' });
    }
  }

  #say<E extends keyof ProberEvents>(event: E, payload: ProberEvents[E]): void {
    // An error that nobody listens for is told as the detector's are.
    if (event === 'error' && !this.#events.hasListeners('error')) {
      console.error('phi-accrual: a prober failed:', (payload as ListenerError).error);
    }
    this.#events.emit(event, payload);
  }
}

function pollOf(run: Run<CheckAnswer>) {
  const { decision, at, duration, value } = run;
  const outcome = OUTCOMES[decision];
  // Undefined may be what was thrown.
  const reason = 'error' in run ? thrown(run.error).reason : resultOf(value).reason;
  return { outcome, at, duration, ...(outcome !== 'answered' && { error: reason }) };
}
