/** Out as records, and in again. */
import type { Machinery } from './machinery.js';
import { Member } from './member.js';
import { defaultGoneAfter } from './options.js';
import {
  checkRecord,
  type InstanceRecord,
  isGone,
  type MemberRecord,
  recordOf,
} from './records.js';
import { SIGNALS } from './signals.js';

/**
 * Everything, one record at a time: each id that is known now once, as it is when it is asked for,
 * however long that takes and whoever comes or goes meanwhile.
 */
export function* records(machinery: Machinery): Generator<InstanceRecord> {
  const { membership, tombstones, signals } = machinery;
  for (const id of [...membership.members.keys(), ...tombstones.ids()]) {
    const record = recordById(machinery, id);
    if (record === undefined) continue; // forgotten meanwhile
    const learnt = isGone(record) ? tombstones.get(id)?.learnt : signals.learnt(id);
    yield learnt ? { ...record, learnt } : record;
  }
}

/** One instance, or what is left of it, without what was learnt: a line of a journal. */
export function recordById(
  { membership, tombstones, drains }: Machinery,
  id: string,
): InstanceRecord | undefined {
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
export function restoreRecord(machinery: Machinery, given: InstanceRecord): void {
  const record = checkRecord(given);
  const { membership, signals, tombstones } = machinery;
  const { id, generation } = record;
  const present = membership.members.get(id);
  const known = present?.generation ?? tombstones.get(id)?.generation ?? 0;
  if (generation < known) return;
  const learnt = record.learnt ?? (present ? signals.learnt(id) : tombstones.get(id)?.learnt) ?? {};
  machinery.drains.set(id, record.operatorDrains === true);
  if (isGone(record)) {
    if (present) machinery.end(present, 'deregistered', 'restored');
    tombstones.bury(id, generation, learnt);
    machinery.settle();
    return;
  }
  tombstones.raise(id);
  tombstones.given(generation);
  if (present) machinery.forget(present);
  signals.put(id, learnt);
  const now = membership.now();
  const member = memberOf(record, now, machinery.leases.paused);
  const age = membership.options.wall() - record.registeredAt;
  member.grantedAt = now - Math.max(age, 0);
  machinery.learning.end();
  machinery.restoration.add(member, now);
  machinery.admit(member, 'restored');
}

function memberOf(record: MemberRecord, now: number, paused: number): Member {
  const {
    id,
    service = '',
    address = '',
    meta,
    ttl,
    heartbeatInterval,
    generation,
    status,
    ready,
  } = record;
  const { goneAfter = defaultGoneAfter(ttl) } = record;
  const about = { id, service, address, meta, ttl, goneAfter, ready, heartbeatInterval };
  const member = new Member(about, generation, record.registeredAt, now, paused);
  member.changedAt = record.changedAt;
  member.status = status;
  member.nodeDrains = record.draining;
  member.operatorDrains = record.operatorDrains === true;
  if (status !== 'starting') member.heardAt = now;
  for (const name of SIGNALS) {
    const signal = member.signals[name];
    signal.beaten = record.heard.includes(name);
    signal.polled = name === 'process' && record.polled;
    if (signal.heard && !member.isLeaseOnly)
      signal.held = record.missing.includes(name) ? 'missing' : 'ok';
  }
  // Where it stood between two levels is not known: its signals say what is certain.
  member.states = member.judge().states;
  return member;
}
