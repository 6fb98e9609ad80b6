/**
 * Polls as a signal that must not be outvoted by beats. A check that was configured and has not
 * answered yet is not passed: the instance is `starting` until its first poll is answered. And one
 * whose polls fail while those of its neighbours are answered is what is broken, not the polls' way.
 */
import type { Registered } from './instance.js';
import type { Member } from './member.js';
import { removable } from './population.js';
import type { Contacts } from './probe/contacts.js';

/** Whether somebody polls such an instance. */
export type Covers = (about: Pick<Registered, 'id' | 'service' | 'address'>) => boolean;

/** So many polls in a row that reach nobody at all say that it is we who cannot poll. */
const UNREACHED = 3;

export class FirstProof {
  readonly #contacts: Contacts;
  readonly #checks = new Set<Covers>();
  /** When the last polls of a member that did not reach it came, the oldest first. */
  readonly #unreached = new WeakMap<Member, number[]>();

  /** @param contacts instances that have answered a poll */
  constructor(contacts: Contacts) {
    this.#contacts = contacts;
  }

  /** Whoever `covers` is true of is polled from now on. */
  add(covers: Covers): void {
    this.#checks.add(covers);
  }

  delete(covers: Covers): void {
    this.#checks.delete(covers);
  }

  isCovered({ about }: Member): boolean {
    for (const covers of this.#checks) if (covers(about)) return true;
    return false;
  }

  /** Notes whether a member that is not heard yet has to answer a poll before it is routed to. */
  begin(member: Member): void {
    member.isChecked = this.isCovered(member);
    member.awaitsCheck = this.awaits(member);
  }

  /** A poll of the member has had a result, which is taken in afterwards. */
  polled(member: Member, outcome: 'answered' | 'failed' | 'unreached', now: number): void {
    if (outcome === 'answered') this.#contacts.add(member.id, now);
    if (outcome !== 'unreached') this.#unreached.delete(member);
    else {
      const times = this.#unreached.get(member) ?? [];
      this.#unreached.set(member, [...times, now].slice(-UNREACHED));
    }
    // Polls that nobody has announced: of one that is not routed yet, or while others answer.
    const { process } = member.signals;
    if (outcome === 'failed' && !process.polled && !process.beaten) {
      member.isChecked ||=
        member.status === 'starting' || this.#contacts.otherAt(member.id) > -Infinity;
    }
  }

  /** Whether it waits for its first answered poll. */
  awaits(member: Member): boolean {
    if (!member.isChecked || member.signals.process.polled) return false;
    const times = this.#unreached.get(member);
    const isOurs =
      times?.length === UNREACHED && this.#contacts.otherAt(member.id) < (times[0] as number);
    return !isOurs;
  }

  /** Whether it is one of few whose polls fail, while neighbours answer theirs. */
  failsAlone(member: Member, neighbours: Iterable<Member>): boolean {
    let failing = 1;
    let answering = 0;
    for (const each of neighbours) {
      if (each === member || !each.signals.process.polled) continue;
      if (each.status === 'probe-failing') failing++;
      else if (each.states.process === 'ok') answering++;
    }
    return answering > 0 && failing <= removable(failing + answering);
  }
}
