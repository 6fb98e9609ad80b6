/** The list of instances: only the rows in sight exist, and they are reused as it is scrolled. */
import { make } from './dom.js';
import type { Fleet } from './fleet.js';
import { GroupElement, HEADINGS, InstanceElement, type RowElement } from './row-element.js';
import { keyOf, type Row } from './rows.js';
import { reveal, visible } from './virtual-window.js';

export interface ListOptions {
  readonly list: HTMLElement;
  readonly fleet: Fleet;
  /** Asks for a rendering at the next opportunity. */
  readonly invalidate: () => void;
  readonly onOpen: (row: Row) => void;
}

export class ListView {
  readonly #options: ListOptions;
  readonly #head = make('div', { role: 'row', id: 'head' });
  readonly #body = make('div', { role: 'rowgroup', id: 'rows' });
  readonly #spare = { group: [] as RowElement[], instance: [] as RowElement[] };
  /** The elements of the rows in sight, by what the row is. */
  #shown = new Map<string, RowElement>();
  #made = 0;
  #rows: readonly Row[] = [];
  /** The row that keys act on: its place, and what it is, as places change. */
  #active = 0;
  #activeKey = '';
  #height = 0;
  #rowHeight = 44;

  constructor(options: ListOptions) {
    this.#options = options;
    const { list } = options;
    for (const { title, name } of HEADINGS) {
      this.#head.append(make('span', { role: 'columnheader', class: name }, title));
    }
    list.append(this.#head, this.#body);
    list.addEventListener('scroll', options.invalidate, { passive: true });
    // Rows are as high as the style says, which differs with the width.
    new ResizeObserver(() => this.#measure()).observe(list);
    this.#body.addEventListener('click', (event) => this.#clicked(event));
  }

  get active(): Row | undefined {
    return this.#rows[this.#active];
  }

  setRows(rows: readonly Row[]): void {
    this.#rows = rows;
    const same = rows.findIndex((row) => keyOf(row) === this.#activeKey);
    this.#active = same >= 0 ? same : Math.min(this.#active, Math.max(rows.length - 1, 0));
    this.#remember();
    this.#body.style.height = `${rows.length * this.#rowHeight}px`;
    this.#options.list.setAttribute('aria-rowcount', String(rows.length + 1));
  }

  /** Moves the active row to a place, as far as there are such, and scrolls it into sight. */
  moveTo(index: number): void {
    this.#active = Math.min(Math.max(index, 0), Math.max(this.#rows.length - 1, 0));
    this.#remember();
    const { list } = this.#options;
    const height = this.#height - this.#head.offsetHeight;
    const port = { scrollTop: list.scrollTop, height, rowHeight: this.#rowHeight };
    list.scrollTop = reveal(port, this.#active);
    this.#options.invalidate();
  }

  move(by: number): void {
    this.moveTo(this.#active + by);
  }

  /** Moves by as many rows as are in sight. */
  page(direction: 1 | -1): void {
    this.move(direction * Math.max(1, Math.floor(this.#height / this.#rowHeight) - 2));
  }

  toEnd(): void {
    this.moveTo(this.#rows.length - 1);
  }

  /** Moves to the group that the active row belongs to. */
  toGroup(): void {
    for (let i = this.#active; i >= 0; i--) {
      if (this.#rows[i].kind === 'group') {
        this.moveTo(i);
        return;
      }
    }
  }

  /** @param opened the id of the instance that is open; @param threshold φ at the top of curves */
  render(opened: string | undefined, threshold: number): void {
    const { list, fleet } = this.#options;
    const rowHeight = this.#rowHeight;
    const port = { scrollTop: list.scrollTop, height: this.#height, rowHeight };
    const { from, to } = visible(port, this.#rows.length);
    const shown = this.#assign(from, to);
    this.#arrange(shown);
    let activeId = '';
    for (const [i, element] of shown.entries()) {
      const index = from + i;
      const row = this.#rows[index];
      element.place(index, index * rowHeight);
      element.select(index === this.#active);
      if (index === this.#active) activeId = element.root.id;
      if (row.kind === 'group') (element as GroupElement).show(row);
      else (element as InstanceElement).show(row.instance, fleet, opened, threshold);
    }
    if (activeId === '') list.removeAttribute('aria-activedescendant');
    else list.setAttribute('aria-activedescendant', activeId);
  }

  /**
   * An element for each row. A row that was in sight before keeps its own: while one scrolls only
   * the rows that come into sight are written.
   */
  #assign(from: number, to: number): RowElement[] {
    const before = this.#shown;
    const rows = this.#rows.slice(from, to);
    const keys = rows.map(keyOf);
    this.#shown = new Map();
    for (const key of keys) {
      const kept = before.get(key);
      if (kept !== undefined) this.#shown.set(key, kept);
      before.delete(key);
    }
    for (const element of before.values()) {
      element.hide();
      this.#spare[element.kind].push(element);
    }
    return rows.map((row, i) => {
      const element =
        this.#shown.get(keys[i]) ?? this.#spare[row.kind].pop() ?? this.#make(row.kind);
      this.#shown.set(keys[i], element);
      return element;
    });
  }

  #make(kind: Row['kind']): RowElement {
    const id = `row-${++this.#made}`;
    return kind === 'group' ? new GroupElement(id) : new InstanceElement(id);
  }

  /** In the document rows follow each other as on the screen: a screen reader reads them in that order. */
  #arrange(shown: readonly RowElement[]): void {
    let next = this.#body.firstChild;
    for (const { root } of shown) {
      if (root === next) next = next.nextSibling;
      else this.#body.insertBefore(root, next);
    }
  }

  #remember(): void {
    const active = this.#rows[this.#active];
    this.#activeKey = active === undefined ? '' : keyOf(active);
  }

  #clicked(event: MouseEvent): void {
    const place = (event.target as Element).closest<HTMLElement>('[data-place]')?.dataset.place;
    if (place === undefined) return;
    this.moveTo(Number(place));
    const { active } = this;
    if (active !== undefined) this.#options.onOpen(active);
  }

  #measure(): void {
    const { list } = this.#options;
    this.#height = list.clientHeight;
    this.#rowHeight = Number.parseFloat(getComputedStyle(list).getPropertyValue('--row')) || 44;
    this.#body.style.height = `${this.#rows.length * this.#rowHeight}px`;
    this.#options.invalidate();
  }
}
