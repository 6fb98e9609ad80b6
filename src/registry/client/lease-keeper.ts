/** Keeps a lease: beats for it, takes the answers, registers again when the registry has lost it. */
import type { Host } from '../../core/host.js';
import { parseTarget } from '../../sources/target.js';
import { Turns } from '../../sources/turns.js';
import { Backoff } from './backoff.js';
import { RegistryError, type RegistryHttp } from './http.js';
import type { LeaseEvents, LossReason } from './lease-events.js';
import { OwnDrain } from './own-drain.js';
import { type Granted, type RegistrationRequest, registered } from './registration.js';
import { type AnsweredBeat, type Credentials, SignedBeats } from './signed-beats.js';
import { Validity } from './validity.js';

export interface LeaseTools {
  readonly http: RegistryHttp;
  readonly host: Host;
  readonly random: () => number;
}

export type Say = <E extends keyof LeaseEvents>(event: E, payload: LeaseEvents[E]) => void;

/** So often in a ttl a beat by UDP asks for an answer; one that gets none asks at each turn. */
const ASKED_PER_TTL = 6;
/** Without an accepted beat for this share of the ttl, one goes by HTTP, to learn why. */
const SILENT_SHARE = 1 / 3;

/** Why an answer says that the registry has no such lease; undefined if it does not say so. */
function lossOf({ status, code }: RegistryError): LossReason | undefined {
  if (status === 404) return 'unknown';
  return status === 403 && code === 'wrong-secret' ? code : undefined;
}

export class LeaseKeeper {
  readonly #tools: LeaseTools;
  readonly #request: RegistrationRequest;
  readonly #say: Say;
  readonly #ended = new AbortController();
  readonly #abort = () => this.end();
  readonly #signed: SignedBeats | undefined;
  readonly #backoff: Backoff;
  readonly validity: Validity;
  #granted: Granted;
  #epoch: string;
  #ttl: number;
  #turns: Turns | undefined;
  #sequence = 0;
  #figures: Readonly<Record<string, number>> | undefined;
  /** Figures that were not sent yet; datagrams cannot carry them. */
  #figuresWait = false;
  #acceptedAt: number;
  /** Since the registration: if none was, another one must not follow at once. */
  #accepted = true;
  #doubtedAt = -Infinity;
  #beating: Promise<string> | undefined;
  #registering = false;
  readonly #drain: OwnDrain;
  ready: boolean;
  /** Turns at which the beat before was still under way by HTTP. */
  skipped = 0;

  constructor(tools: LeaseTools, request: RegistrationRequest, granted: Granted, say: Say) {
    this.#tools = tools;
    this.#request = request;
    this.#say = say;
    this.ready = request.ready ?? true;
    this.validity = new Validity(tools.host, () => this.#expire());
    this.#backoff = new Backoff(tools.host, tools.random);
    this.#drain = new OwnDrain(tools.host, tools.random, (error) => this.#fail(error, 'drain'));
    this.#granted = granted;
    this.#epoch = granted.epoch;
    this.#ttl = granted.ttl;
    this.#acceptedAt = granted.askedAt;
    this.validity.renew(granted.askedAt, granted.ttl);
    if (request.beat === 'udp') {
      const onError = (error: Error) => this.#fail(error, 'beat');
      const onAnswer = (answered: AnsweredBeat) => this.#takeAnswer(answered);
      const onDoubt = () => this.#doubt();
      const { udpTarget, credentials } = this;
      this.#signed = new SignedBeats(udpTarget, credentials, onAnswer, onError, onDoubt);
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

  /**
   * Asks for no more traffic: of this generation, and of each that follows. A registry that does not
   * know the lease sends none either; it is told when the lease is registered again.
   */
  async drain(): Promise<void> {
    this.#drain.want(true);
    if (this.#registering) return;
    try {
      await this.call('POST', '/drain');
    } catch (error) {
      if (lossOf(error as RegistryError) === undefined) throw error;
      this.#refused(error as RegistryError);
    }
  }

  async undrain(): Promise<void> {
    this.#drain.want(false);
    if (!this.#registering) await this.call('POST', '/undrain');
  }

  /** What only the holder of the lease may ask for. */
  call(method: string, action: string, signal?: AbortSignal): Promise<unknown> {
    const { generation, secret } = this.#granted;
    const path = `/instances/${encodeURIComponent(this.#request.id)}${action}`;
    const headers = { 'x-lease-generation': String(generation), 'x-lease-secret': secret };
    const call = { headers, body: { generation, secret }, timeout: this.#timeout, signal };
    return this.#tools.http.json(method, path, call);
  }

  /** Stops, for good: somebody else holds the id now. */
  fence(): void {
    if (this.ended.aborted) return;
    const { generation } = this.granted;
    this.end();
    this.#say('fenced', { generation });
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

  get #saysReady(): boolean {
    // Until the registry has heard of the drain again, this keeps the traffic away.
    return this.ready && !this.#drain.isUnsaid;
  }

  #turn(): void {
    if (this.#registering) return; // of a lease that the registry does not know
    const now = this.#tools.host.now();
    this.validity.check();
    if (this.#signed === undefined) {
      if (this.#beating !== undefined) this.skipped++;
      else this.renew().catch(() => {}); // told as an event
      return;
    }
    const asked = this.#ttl / ASKED_PER_TTL / this.granted.heartbeatInterval;
    this.#beatByDatagram(this.#signed, now, this.#signed.unanswered + 1 >= asked);
    if (this.#figuresWait || now - this.#acceptedAt > this.#ttl * SILENT_SHARE) {
      this.#acceptedAt = now; // once for each such silence
      this.#beatByHttp(now).catch(() => {});
    }
  }

  #beatByDatagram(signed: SignedBeats, now: number, ackWanted: boolean): void {
    this.#sequence++;
    signed.send(this.#sequence, now, { signal: 'service', ready: this.#saysReady, ackWanted });
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
    const said = { signal: 'service', ready: this.#saysReady, ...(figures && { figures }) };
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
      // The datagram of the same number was quicker: it is what was accepted.
      const byDatagram = status === 'duplicate' && this.#signed !== undefined;
      if (status === 'accepted' || byDatagram) this.#renewed(sentAt);
      else this.#fail(new RegistryError(200, status, `heartbeat: ${status}`), 'beat');
      return status;
    } catch (error) {
      if (figures !== undefined) this.#figuresWait = true;
      if (generation === this.granted.generation && !this.#ended.signal.aborted)
        this.#refused(error as RegistryError);
      throw error;
    }
  }

  #refused(error: RegistryError): void {
    const loss = lossOf(error);
    if (loss !== undefined) this.#lost(loss);
    else if (error.status === 409) this.fence();
    else this.#fail(error, 'beat');
  }

  #takeAnswer({ ack, sentAt }: AnsweredBeat): void {
    if (this.#ended.signal.aborted || this.#registering) return;
    const restarted = ack.epoch !== this.#epoch;
    this.#useEpoch(ack.epoch);
    if (ack.status === 'accepted') this.#renewed(sentAt);
    else if (ack.status === 'unknown') this.#lost('unknown');
    else if (ack.status === 'stale-generation') this.fence();
    else if (restarted && this.#signed) {
      // It has started anew and may not know the lease: that is asked at once, not in a turn.
      this.#beatByDatagram(this.#signed, this.#tools.host.now(), true);
    }
  }

  /**
   * A registry that has started anew cannot check our signature. Nobody has signed that: it is no
   * more than a reason to ask by HTTP, at most once in an interval.
   */
  #doubt(): void {
    const now = this.#tools.host.now();
    if (this.#registering || now - this.#doubtedAt < this.granted.heartbeatInterval) return;
    this.#doubtedAt = now;
    this.#beatByHttp(now).catch(() => {}); // told as an event
  }

  #useEpoch(epoch: string): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#useCredentials();
  }

  #useCredentials(): void {
    this.#signed?.use(this.credentials, this.udpTarget);
    this.#say('credentials', { generation: this.granted.generation, epoch: this.#epoch });
  }

  #renewed(sentAt: number): void {
    this.#accepted = true;
    this.#acceptedAt = this.#tools.host.now();
    this.#backoff.reset();
    this.validity.renew(sentAt, this.#ttl);
    this.#say('renewed', { generation: this.granted.generation, validUntil: this.validity.until });
  }

  #expire(): void {
    const { generation } = this.granted;
    this.#say('expired', { generation, validUntil: this.validity.until });
  }

  #lost(reason: LossReason): void {
    if (this.#registering) return;
    this.#registering = true;
    // Whoever the registry knows by this id now, it is not us.
    this.validity.end();
    this.#say('lost', { generation: this.granted.generation, reason });
    // A lock that was lost is lost: others may have held it since, and its job has to stop.
    if (this.#request.service === undefined) this.end();
    else void this.#registerAgain();
  }

  /** What is asked for, with whether it wants traffic by now. */
  get #asItStands(): RegistrationRequest {
    const ready = this.#saysReady;
    const isSaid = !ready || this.#request.ready !== undefined;
    return isSaid ? { ...this.#request, ready } : this.#request;
  }

  async #registerAgain(): Promise<void> {
    const { http, host } = this.#tools;
    const signal = this.#ended.signal;
    const onError = (error: Error) => this.#fail(error, 'register');
    const { secret } = this.#granted;
    const how = { http, host, backoff: this.#backoff, signal, onError, secret, strict: false };
    // It was lost as soon as it was registered: two registries may answer by turns.
    if (!this.#accepted) await this.#backoff.wait(signal);
    const granted = await registered(this.#asItStands, { ...how, timeout: this.#timeout }).catch(
      () => undefined,
    );
    if (granted === undefined || signal.aborted) return; // closed meanwhile
    // Where it was heard before is a better guess than nowhere.
    this.#granted = { ...granted, udpPort: granted.udpPort ?? this.#granted.udpPort };
    this.#epoch = granted.epoch;
    this.#ttl = granted.ttl;
    this.#sequence = 0;
    this.#accepted = false;
    this.#acceptedAt = granted.askedAt;
    this.#registering = false;
    this.validity.renew(granted.askedAt, granted.ttl);
    this.#useCredentials();
    const drain = (until: AbortSignal) => this.call('POST', '/drain', until);
    void this.#drain.sayAgain(drain, signal);
    this.start();
  }

  #fail(error: unknown, event: string): void {
    if (!this.#ended.signal.aborted) this.#say('error', { error, event });
  }
}
