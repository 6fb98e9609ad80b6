/**
 * Who needs a restart: dead ones and zombies, never those that are only late. At most one request is
 * outstanding for an id and generation; the next one for an id waits twice as long; none is made
 * while a protection holds, for then it is not known whether the instance is what is broken; and one
 * is withdrawn when the instance recovers.
 */
import type { Member } from './member.js';
import type { Membership } from './membership.js';
import type { Observer } from './observer.js';
import type { RestartCause } from './options.js';
import { type Census, isDown, removable } from './population.js';
import type { Removal } from './removal.js';
import type { Rule, Scheduler } from './scheduler.js';

interface Request {
  readonly member: Member;
  cause: RestartCause;
  attempt: number;
  /** When it is to be made; Infinity once it was. */
  due: number;
  /** A protection held it when it was last looked at. */
  held: boolean;
  readonly abort: AbortController;
}

/** What is remembered of an id over its incarnations. */
interface Tries {
  attempts: number;
  /** When the last request was made. */
  readonly last: number;
  /** Since when it is not down, after that. */
  upSince: number | undefined;
}

/** While a protection holds, it is asked again so often, in ms. */
const AGAIN = 1000;

export class Restarts implements Rule {
  readonly #membership: Membership;
  readonly #scheduler: Scheduler;
  readonly #observer: Observer;
  readonly #removal: Removal;
  readonly #requests = new Map<string, Request>();
  readonly #tries = new Map<string, Tries>();
  /** A request that is withdrawn leaves it too early, which costs one look. */
  due = Infinity;

  constructor(membership: Membership, scheduler: Scheduler, observer: Observer, removal: Removal) {
    this.#membership = membership;
    this.#scheduler = scheduler;
    this.#observer = observer;
    this.#removal = removal;
  }

  changed(member: Member): void {
    const wanted = !member.over && !member.draining && isDown(member.status);
    let request = this.#requests.get(member.id);
    if (request && (request.member !== member || !wanted)) {
      this.#cancel(request);
      request = undefined;
    }
    if (wanted && !request) this.#want(member);
    const tries = this.#tries.get(member.id);
    if (tries && !wanted && member.isHeard) tries.upSince ??= this.#membership.now();
  }

  #want(member: Member): void {
    const now = this.#membership.now();
    const { maxDelay } = this.#membership.options.restart;
    const tries = this.#tries.get(member.id);
    if (tries?.upSince !== undefined && now - tries.upSince > maxDelay) {
      this.#tries.delete(member.id);
    } else if (tries) tries.upSince = undefined;
    const attempt = (this.#tries.get(member.id)?.attempts ?? 0) + 1;
    const due = now + this.#waitBefore(attempt);
    const abort = new AbortController();
    this.#requests.set(member.id, { member, cause: 'dead', attempt, due, held: false, abort });
    this.due = Math.min(this.due, due);
  }

  #waitBefore(attempt: number): number {
    const { delay, maxDelay } = this.#membership.options.restart;
    return Math.min(delay * 2 ** Math.min(attempt - 1, 50), maxDelay);
  }

  #cancel(request: Request): void {
    this.#requests.delete(request.member.id);
    if (request.due !== Infinity) return; // nobody was told
    request.abort.abort();
    this.#say('restart-cancelled', request);
  }

  #say(event: 'restart-needed' | 'restart-cancelled', request: Request): void {
    const { member, cause, attempt } = request;
    const at = this.#membership.now();
    // An incarnation that was replaced shows as the one in its place.
    const instance = this.#membership.members.get(member.id)?.view ?? member.view;
    this.#membership.events.post(event, { instance, cause, attempt, at });
  }

  run(now: number): void {
    this.due = Infinity;
    for (const request of this.#requests.values()) {
      if (request.due <= now) {
        const held = this.#isHeld(request.member);
        if (held) request.due = now + AGAIN;
        // They do not all return in the instant in which the protection ends.
        else if (request.held) request.due = now + request.member.about.heartbeatInterval;
        else this.#make(request, now);
        request.held = held;
      }
      this.due = Math.min(this.due, request.due);
    }
  }

  /**
   * Whether anything speaks against restarting the member. As few as might be removed at once do not:
   * the only one of its service is in a panic, and everybody, whenever it is dead.
   */
  #isHeld(member: Member): boolean {
    const service = this.#membership.serviceOf(member);
    const isMass = ({ n, down }: Census) => down > removable(n);
    return (
      this.#observer.isImpairedFor(member.about.group) ||
      (isMass(service) && (service.panic || this.#removal.isFrozen(service.name))) ||
      (isMass(this.#membership) && this.#removal.isFrozen(''))
    );
  }

  #make(request: Request, now: number): void {
    const { member, attempt, abort } = request;
    request.due = Infinity;
    request.cause = member.status === 'zombie' ? 'zombie' : 'dead';
    this.#tries.set(member.id, { attempts: attempt, last: now, upSince: undefined });
    this.#trim(now);
    this.#say('restart-needed', request);
    const { onRestartNeeded } = this.#membership.options;
    if (onRestartNeeded === undefined) return;
    const call = async () => onRestartNeeded(member.view, request.cause, abort.signal);
    call().catch((error: unknown) => this.#failed(request, error));
  }

  /** The hook could not: that is said, and it is asked again, later than the last time. */
  #failed(request: Request, error: unknown): void {
    if (this.#requests.get(request.member.id) !== request) return; // it was told to stop
    request.attempt++;
    request.due = this.#membership.now() + this.#waitBefore(request.attempt);
    this.due = Math.min(this.due, request.due);
    this.#membership.events.report(error, 'restart-needed');
    this.#scheduler.settle();
  }

  /** Ids that are gone for long must not add up. */
  #trim(now: number): void {
    if (this.#tries.size <= 2 * this.#membership.members.size + 100) return;
    const { maxDelay } = this.#membership.options.restart;
    for (const [id, { last }] of this.#tries) if (now - last > maxDelay) this.#tries.delete(id);
  }
}
