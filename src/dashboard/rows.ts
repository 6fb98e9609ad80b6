/** Which rows the list has, in order: by search, status and service. */
import { counted } from './format.js';
import type { Instance } from './messages.js';

export interface GroupRow {
  readonly kind: 'group';
  readonly service: string;
  readonly open: boolean;
  readonly size: number;
  /** How many have each status. */
  readonly counts: ReadonlyMap<string, number>;
}

export interface InstanceRow {
  readonly kind: 'instance';
  readonly instance: Instance;
}

export type Row = GroupRow | InstanceRow;

/** What the user asked to see. */
export interface View {
  readonly search: string;
  /** Only this status; undefined for all. */
  readonly status: string | undefined;
  readonly grouped: boolean;
  /** Services whose instances are folded away. */
  readonly folded: ReadonlySet<string>;
}

/** Every word of the search is in the id, the service, the address, the status or the metadata. */
export function matches(instance: Instance, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const { id, service, address, status, meta } = instance;
  const drained = instance.draining ? 'draining' : '';
  const text = [id, service, address, status, drained, ...Object.values(meta)]
    .join('\n')
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

export function countsOf(instances: readonly Instance[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { status } of instances) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}

/** @param instances in order: those of a service together */
export function rowsOf(instances: readonly Instance[], view: View): Row[] {
  const shown = instances.filter(
    (each) =>
      (view.status === undefined || each.status === view.status) && matches(each, view.search),
  );
  const row = (instance: Instance): Row => ({ kind: 'instance', instance });
  if (!view.grouped) return shown.map(row);
  const rows: Row[] = [];
  for (let from = 0; from < shown.length; ) {
    const { service } = shown[from];
    let to = from;
    while (to < shown.length && shown[to].service === service) to++;
    const group = shown.slice(from, to);
    const open = !view.folded.has(service);
    rows.push({ kind: 'group', service, open, size: group.length, counts: countsOf(group) });
    if (open) rows.push(...group.map(row));
    from = to;
  }
  return rows;
}

/** What tells a row from every other one, however the list is sorted and filtered. */
export const keyOf = (row: Row): string =>
  row.kind === 'group' ? `group ${row.service}` : `instance ${row.instance.id}`;

/** What stands below the rows: why there are none, and how many messages said nothing to the page. */
export function remarks(isEmpty: boolean, instances: number, notUnderstood: number): string {
  const reason = instances === 0 ? 'No instance has registered.' : 'Nothing is like that.';
  const skipped = notUnderstood === 0 ? '' : `${counted(notUnderstood, 'message')} not understood.`;
  return [isEmpty ? reason : '', skipped].filter(Boolean).join(' ');
}
