/** Keeps a lease: beats for it, takes the answers, registers again when the registry has lost it. */
import type { Host } from '../../core/host.js';
import { parseTarget } from '../../sources/target.js';
import { Turns } from '../../sources/turns.js';
import { Backoff } from './backoff.js';
import { RegistryError, type RegistryHttp } from './http.js';
import type { LeaseEvents } from './lease-events.js';
import { type Granted, type RegistrationRequest, registered } from './registration.js';
import { type AnsweredBeat, type Credentials, SignedBeats } from './signed-beats.js';
import { Validity } from './validity.js';

export interface LeaseTools {
  readonly http: RegistryHttp;
  readonly host: Host;
  readonly random: () => number;
}

export type Say = <E extends keyof LeaseEvents>(event: E, payload: LeaseEvents[E]) => void;

/** Answers that say that this beat, or a later one, was heard. */
const HEARD = new Set(['accepted', 'duplicate', 'out-of-order']);
/** So often in a ttl a beat by UDP asks for an answer; one that gets none asks at each turn. */
const ASKED_PER_TTL = 6;
/** Without an answer for this share of the ttl, one beat goes by HTTP, to learn why. */
const SILENT_SHARE = 1 / 3;

export class LeaseKeeper {
  readonly #tools: LeaseTools;
  readonly #request: RegistrationRequest;
  readonly #say: Say;
  readonly #ended = new AbortController();
  readonly #abort = () => this.end();
  readonly #signed: SignedBeats | undefined;
  readonly validity: Validity;
  #granted: Granted;
  #epoch: string;
  #ttl: number;
  #turns: Turns | undefined;
  #sequence = 0;
  #figures: Readonly<Record<string, number>> | undefined;
  /** Figures that were not sent yet; datagrams cannot carry them. */
  #figuresWait = false;
  #answeredAt: number;
  #beating: Promise<string> | undefined;
  #registering = false;
  ready: boolean;
  /** Turns at which the beat before was still under way by HTTP. */
  skipped = 0;

  constructor(tools: LeaseTools, request: RegistrationRequest, granted: Granted, say: Say) {
    this.#tools = tools;
    this.#request = request;
    this.#say = say;
    this.ready = request.ready ?? true;
    this.validity = new Validity(tools.host);
    this.#granted = granted;
    this.#epoch = granted.epoch;
    this.#ttl = granted.ttl;
    this.#answeredAt = granted.askedAt;
    this.validity.renew(granted.askedAt, granted.ttl);
    if (request.beat === 'udp') {
      const onError = (error: Error) => this.#fail(error, 'beat');
      const onAnswer = (answered: AnsweredBeat) => this.#takeAnswer(answered);
      this.#signed = new SignedBeats(this.udpTarget, this.credentials, onAnswer, onError);
    }
    request.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** The first beat leaves now. */
  start(): void {
    if (this.#request.signal?.aborted) this.end();
    if (this.ended.aborted) return;
    this.#turns?.close();
    if (this.#request.beat === 'none') return;
    const { keepAlive = false } = this.#request;
    const interval = this.granted.heartbeatInterval;
    this.#turns = new Turns(() => this.#turn(), { interval, keepAlive, host: this.#tools.host });
    this.#turns.start();
  }

  get granted(): Granted {
    return this.#granted;
  }

  get ttl(): number {
    return this.#ttl;
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  get credentials(): Credentials {
    const { generation, secret } = this.#granted;
    return { id: this.#request.id, generation, secret, epoch: this.#epoch };
  }

  /** Where datagrams go. @throws RegistryError if nobody said where */
  get udpTarget(): { host: string; port: number } {
    const { udp } = this.#request;
    if (udp !== undefined) return parseTarget('udp', udp);
    const { udpPort: port } = this.#granted;
    if (port !== undefined) return { host: this.#tools.http.hostname, port };
    throw new RegistryError(201, 'no-udp', 'beat: the registry listens to no datagrams');
  }

  /** Sent with every beat by HTTP, by which the next one goes. */
  set figures(figures: Readonly<Record<string, number>>) {
    this.#figures = { ...figures };
    this.#figuresWait = true;
  }

  /** One beat by HTTP, now, or the one that is under way. */
  renew(): Promise<string> {
    if (this.#beating === undefined) this.#sequence++;
    return this.#beatByHttp(this.#tools.host.now());
  }

  /** What only the holder of the lease may ask for. */
  call(method: string, action: string): Promise<unknown> {
    const { generation, secret } = this.#granted;
    const path = `/instances/${encodeURIComponent(this.#request.id)}${action}`;
    const headers = { 'x-lease-generation': String(generation), 'x-lease-secret': secret };
    const body = { generation, secret };
    return this.#tools.http.json(method, path, { headers, body, timeout: this.#timeout });
  }

  /** Stops, for good. */
  end(): void {
    this.#ended.abort();
    this.#request.signal?.removeEventListener('abort', this.#abort);
    this.#turns?.close();
    this.#signed?.close();
    this.validity.end();
  }

  get #timeout(): number {
    return Math.min(Math.max(2 * this.granted.heartbeatInterval, 1000), this.#ttl * SILENT_SHARE);
  }

  #turn(): void {
    if (this.#registering) return; // of a lease that the registry does not know
    const now = this.#tools.host.now();
    if (this.#signed === undefined) {
      if (this.#beating !== undefined) this.skipped++;
      else this.renew().catch(() => {}); // told as an event
      return;
    }
    this.#sequence++;
    const asked = this.#ttl / ASKED_PER_TTL / this.granted.heartbeatInterval;
    const ackWanted = this.#signed.unanswered + 1 >= asked;
    this.#signed.send(this.#sequence, now, { signal: 'service', ready: this.ready, ackWanted });
    if (this.#figuresWait || now - this.#answeredAt > this.#ttl * SILENT_SHARE) {
      this.#answeredAt = now; // once for each such silence
      this.#beatByHttp(now).catch(() => {});
    }
  }

  #beatByHttp(sentAt: number): Promise<string> {
    this.#beating ??= this.#sendByHttp(sentAt).finally(() => {
      this.#beating = undefined;
    });
    return this.#beating;
  }

  async #sendByHttp(sentAt: number): Promise<string> {
    const { generation, secret } = this.#granted;
    const figures = this.#figures;
    const said = { signal: 'service', ready: this.ready, ...(figures && { figures }) };
    const body = { generation, secret, sequence: this.#sequence, ...said };
    const call = { body, timeout: this.#timeout, signal: this.#ended.signal };
    this.#figuresWait = false;
    try {
      const path = `/heartbeat/${encodeURIComponent(this.#request.id)}`;
      const answer = await this.#tools.http.json('POST', path, call);
      const status = String(answer.status);
      if (generation !== this.granted.generation || this.#ended.signal.aborted) return status;
      const { ttl, epoch } = answer;
      if (typeof ttl === 'number' && ttl > 0) this.#ttl = ttl;
      if (typeof epoch === 'string' && /^[0-9a-f]{16}$/.test(epoch)) this.#useEpoch(epoch);
      if (HEARD.has(status)) this.#renewed(sentAt);
      else this.#fail(new RegistryError(200, status, `heartbeat: ${status}`), 'beat');
      return status;
    } catch (error) {
      if (figures !== undefined) this.#figuresWait = true;
      if (generation === this.granted.generation && !this.#ended.signal.aborted)
        this.#refused(error);
      throw error;
    }
  }

  #refused(error: unknown): void {
    const { status } = error as RegistryError;
    if (status === 404) this.#lost();
    else if (status === 409) this.#fenced();
    else this.#fail(error, 'beat');
  }

  #takeAnswer({ ack, sentAt }: AnsweredBeat): void {
    if (this.#ended.signal.aborted || this.#registering) return;
    this.#answeredAt = this.#tools.host.now();
    this.#useEpoch(ack.epoch);
    if (ack.status === 'accepted') this.#renewed(sentAt);
    else if (ack.status === 'unknown') this.#lost();
    else if (ack.status === 'stale-generation') this.#fenced();
  }

  #useEpoch(epoch: string): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#useCredentials();
  }

  #useCredentials(): void {
    this.#signed?.use(this.credentials);
    this.#say('credentials', { generation: this.granted.generation, epoch: this.#epoch });
  }

  #renewed(sentAt: number): void {
    this.validity.renew(sentAt, this.#ttl);
    this.#say('renewed', { generation: this.granted.generation, validUntil: this.validity.until });
  }

  #fenced(): void {
    const { generation } = this.granted;
    this.end();
    this.#say('fenced', { generation });
  }

  #lost(): void {
    if (this.#registering) return;
    this.#registering = true;
    // Whoever the registry knows by this id now, it is not us.
    this.validity.end();
    this.#say('lost', { generation: this.granted.generation });
    void this.#registerAgain();
  }

  async #registerAgain(): Promise<void> {
    const { http, host, random } = this.#tools;
    const signal = this.#ended.signal;
    const onError = (error: Error) => this.#fail(error, 'register');
    const backoff = new Backoff(host, random);
    const how = { http, host, backoff, signal, onError, timeout: this.#timeout, strict: false };
    const granted = await registered(this.#request, how).catch(() => undefined);
    if (granted === undefined || signal.aborted) return; // closed meanwhile
    this.#granted = granted;
    this.#epoch = granted.epoch;
    this.#ttl = granted.ttl;
    this.#sequence = 0;
    this.#answeredAt = granted.askedAt;
    this.#registering = false;
    this.validity.renew(granted.askedAt, granted.ttl);
    this.#useCredentials();
    this.start();
  }

  #fail(error: unknown, event: string): void {
    if (!this.#ended.signal.aborted) this.#say('error', { error, event });
  }
}
