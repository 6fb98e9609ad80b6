/** Which peers are in which group. Costs nothing before a peer has one. */
import type { Slot } from './records.js';

const NOBODY: readonly Slot[] = [];

export class Groups {
  readonly #numbers = new Map<string, number>();
  /** By number; 0 is none. */
  readonly #names: string[] = [''];
  readonly #members: Slot[][] = [[]];
  readonly #vacant: number[] = [];
  /** By slot; where it stands among the members of its group. */
  readonly #groups: number[] = [];
  readonly #places: number[] = [];

  /** The number of the slot's group; 0 for none. */
  of(slot: Slot): number {
    return this.#groups[slot] ?? 0;
  }

  /** The name of the slot's group; empty for none. */
  nameOf(slot: Slot): string {
    return this.#names[this.of(slot)];
  }

  name(group: number): string {
    return this.#names[group];
  }

  /** The slots of a group. */
  members(group: number): readonly Slot[] {
    return this.#members[group] ?? NOBODY;
  }

  /** Puts the slot into a group, and out of any other. */
  put(slot: Slot, name: string): void {
    const old = this.of(slot);
    if (this.#names[old] === name) return;
    if (old !== 0) this.#leave(slot, old);
    if (name === '') return;
    const group = this.#numbers.get(name) ?? this.#add(name);
    while (this.#groups.length < slot) this.#groups.push(0); // no holes
    this.#groups[slot] = group;
    this.#places[slot] = this.#members[group].push(slot) - 1;
  }

  #add(name: string): number {
    const group = this.#vacant.pop() ?? this.#names.length;
    this.#names[group] = name;
    this.#members[group] = [];
    this.#numbers.set(name, group);
    return group;
  }

  #leave(slot: Slot, group: number): void {
    const members = this.#members[group];
    const last = members.pop() as Slot;
    if (last !== slot) {
      const place = this.#places[slot];
      members[place] = last;
      this.#places[last] = place;
    }
    this.#groups[slot] = 0;
    if (members.length > 0) return;
    this.#numbers.delete(this.#names[group]);
    this.#names[group] = '';
    this.#vacant.push(group);
  }
}
