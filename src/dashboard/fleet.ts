/** All instances and their figures, from a snapshot and what came after it. */
import type { Change, Figures, Frame, Instance, Snapshot } from './messages.js';
import type { Sample } from './phi-curve.js';
import { PhiRing } from './phi-ring.js';

/** So many frames, a second each, are kept for the curve of an instance in the list. */
export const KEPT = 60;
/** Of many instances fewer frames are kept whole: at most so many rows, some 10 MB. */
const MOST_FIGURES = 100_000;

export interface Latest extends Figures {
  /** When the frame came, in ms of the page's clock. */
  readonly heardAt: number;
}

const GONE = new Set(['deregistered', 'removed']);
const natural = new Intl.Collator('en', { numeric: true });
/** Names that differ only in zeros are equal to the collator, and services must not be mixed. */
const order = (a: string, b: string): number => natural.compare(a, b) || (a < b ? -1 : +(a > b));

export class Fleet {
  readonly #instances = new Map<string, Instance>();
  readonly #latest = new Map<string, Latest>();
  readonly #rings = new Map<string, PhiRing>();
  readonly #frames: { readonly at: number; readonly rows: readonly Figures[] }[] = [];
  #sorted: readonly Instance[] | undefined;
  #revision = -1;
  #layout = 0;

  get size(): number {
    return this.#instances.size;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Rises whenever an instance came, went or changed; figures do not move it. */
  get layout(): number {
    return this.#layout;
  }

  get(id: string): Instance | undefined {
    return this.#instances.get(id);
  }

  latest(id: string): Latest | undefined {
    return this.#latest.get(id);
  }

  ring(id: string): PhiRing | undefined {
    return this.#rings.get(id);
  }

  /** What the last frames said of an instance, the oldest first. */
  history(id: string): Sample[] {
    return this.#frames.flatMap(({ at, rows }) => {
      const row = rows.find((each) => each.id === id);
      return row === undefined ? [] : [{ ...row, at }];
    });
  }

  /** By service, then by id; numbers in names by their value. */
  sorted(): readonly Instance[] {
    this.#sorted ??= [...this.#instances.values()].sort(
      (a, b) => order(a.service, b.service) || order(a.id, b.id),
    );
    return this.#sorted;
  }

  /**
   * A snapshot is the whole truth, whatever its revision: a registry that was started anew counts
   * from the beginning.
   */
  snapshot({ revision, instances }: Snapshot): void {
    this.#instances.clear();
    for (const instance of instances) this.#instances.set(instance.id, instance);
    for (const id of this.#latest.keys()) if (!this.#instances.has(id)) this.#forget(id);
    this.#revision = revision;
    this.#changed();
  }

  /** False for a change that is known already: a stream that resumes may begin with such. */
  change({ revision, kind, instance }: Change): boolean {
    if (revision <= this.#revision) return false;
    this.#revision = revision;
    if (GONE.has(kind)) {
      this.#instances.delete(instance.id);
      this.#forget(instance.id);
    } else {
      this.#instances.set(instance.id, instance);
    }
    this.#changed();
    return true;
  }

  /**
   * Figures of instances that the list does not have are left out.
   *
   * @param at the service's time in ms; @param heardAt the page's
   */
  frame({ rows }: Frame, at: number, heardAt: number): void {
    const last = this.#frames.at(-1);
    // The service's clock went back: another process serves now.
    if (last !== undefined && at <= last.at) this.#frames.length = 0;
    this.#frames.push({ at, rows });
    const kept = Math.max(1, Math.min(KEPT, Math.floor(MOST_FIGURES / Math.max(rows.length, 1))));
    this.#frames.splice(0, this.#frames.length - kept);
    for (const row of rows) {
      if (!this.#instances.has(row.id)) continue;
      this.#latest.set(row.id, { ...row, heardAt });
      let ring = this.#rings.get(row.id);
      if (ring === undefined) {
        ring = new PhiRing(KEPT);
        this.#rings.set(row.id, ring);
      }
      ring.push(Math.max(row.phi ?? 0, row.peak ?? 0));
    }
  }

  #forget(id: string): void {
    this.#latest.delete(id);
    this.#rings.delete(id);
  }

  #changed(): void {
    this.#sorted = undefined;
    this.#layout++;
  }
}
