/** All that is to be kept of a registry, as records: out of it, and into another one. */
import type { Learning } from './learning.js';
import type { Leases } from './leases.js';
import { Member } from './member.js';
import type { Membership } from './membership.js';
import { checkRecord, type InstanceRecord, isGone, recordOf } from './records.js';
import type { Restoration } from './restoration.js';
import type { Scheduler } from './scheduler.js';
import type { Signals } from './signals.js';
import type { Drains, Tombstones } from './tombstones.js';

/** What it reads and fills. */
interface Kept {
  readonly membership: Membership;
  readonly scheduler: Scheduler;
  readonly signals: Signals;
  readonly tombstones: Tombstones;
  readonly drains: Drains;
  readonly learning: Learning;
  readonly leases: Leases;
  readonly restoration: Restoration;
}

export class Archive {
  readonly #kept: Kept;

  constructor(kept: Kept) {
    this.#kept = kept;
  }

  /**
   * Everything, one record at a time: each id that is known now once, as it is when it is asked for,
   * however long that takes and whoever comes or goes meanwhile.
   */
  *records(): Generator<InstanceRecord> {
    const { membership, tombstones, signals } = this.#kept;
    for (const id of [...membership.members.keys(), ...tombstones.ids()]) {
      const record = this.record(id);
      if (record === undefined) continue; // forgotten meanwhile
      const learnt = isGone(record) ? tombstones.get(id)?.learnt : signals.learnt(id);
      yield learnt ? { ...record, learnt } : record;
    }
  }

  /** One instance, or what is left of it, without what was learnt: a line of a journal. */
  record(id: string): InstanceRecord | undefined {
    const { membership, tombstones, drains } = this.#kept;
    const member = membership.members.get(id);
    if (member) return recordOf(member);
    const stone = tombstones.get(id);
    const drained = drains.has(id) && { operatorDrains: true };
    return stone && { id, generation: stone.generation, gone: true, ...drained };
  }

  /**
   * Puts a record in. Of several of one id the later ones count; one of an older generation than is
   * known is ignored, and one without what was learnt leaves that as it was.
   *
   * @throws TypeError, RangeError for what is no record
   */
  restore(given: InstanceRecord): void {
    const record = checkRecord(given);
    const { membership, scheduler, signals, tombstones, drains, leases } = this.#kept;
    const { id, generation } = record;
    const present = membership.members.get(id);
    const stone = present ? undefined : tombstones.get(id);
    if (generation < ((present ?? stone)?.generation ?? 0)) return;
    const learnt = record.learnt ?? (present ? signals.learnt(id) : stone?.learnt) ?? {};
    drains.set(id, record.operatorDrains === true);
    if (isGone(record)) {
      if (present) leases.end(present, 'deregistered', 'restored');
      tombstones.bury(id, generation, learnt);
      scheduler.settle();
      return;
    }
    tombstones.raise(id);
    tombstones.given(generation);
    signals.put(id, learnt);
    const now = membership.now();
    const { about, registeredAt } = record;
    const member = new Member(about, generation, registeredAt, now, leases.paused);
    member.restore(record, now);
    const age = membership.options.wall() - registeredAt;
    member.grantedAt = now - Math.max(age, 0);
    this.#kept.learning.end();
    this.#kept.restoration.add(member, now);
    leases.admit(member, 'restored');
  }
}
