/** The elements of one row, shown again and again for different instances. */
import { make, makeSvg, put, say } from './dom.js';
import { type Fleet, KEPT } from './fleet.js';
import { duration, phi, share } from './format.js';
import type { Instance } from './messages.js';
import { pointsOf } from './phi-ring.js';
import type { GroupRow, Row } from './rows.js';
import { lookOf, STATUSES } from './words.js';

/** Columns of the list, in order. */
export const HEADINGS = [
  { name: 'id', title: 'Instance' },
  { name: 'status', title: 'Status' },
  { name: 'phi', title: 'φ' },
  { name: 'curve', title: 'Peaks, 1 min' },
  { name: 'silence', title: 'Silence' },
  { name: 'due', title: 'Suspicion' },
  { name: 'weight', title: 'Weight' },
  { name: 'generation', title: 'Gen.' },
] as const;

const WIDTH = 2 * (KEPT - 1);
const HEIGHT = 24;
/** A curve shows this much more than the threshold. */
const HEADROOM = 1.25;

/** The word of a status with its shape and colour. */
export function badge(status: string): HTMLElement {
  const { word, shape, tone } = lookOf(status);
  const mark = make('span', { class: `mark ${shape}`, 'aria-hidden': 'true' });
  return make('span', { class: `badge ${tone}` }, mark, word);
}

export abstract class RowElement {
  readonly kind: Row['kind'];
  readonly root: HTMLElement;

  constructor(id: string, kind: Row['kind']) {
    this.kind = kind;
    this.root = make('div', { id, role: 'row', class: `row ${kind}` });
  }

  /** @param top in CSS pixels from the first row */
  place(index: number, top: number): void {
    this.root.style.transform = `translateY(${top}px)`;
    put(this.root, 'data-place', String(index));
    put(this.root, 'aria-rowindex', String(index + 2)); // the headings are the first
  }

  select(active: boolean): void {
    this.root.classList.toggle('active', active);
  }

  hide(): void {
    this.root.remove();
  }
}

export class GroupElement extends RowElement {
  readonly #fold = make('span', { class: 'fold', 'aria-hidden': 'true' });
  readonly #name = make('strong');
  readonly #counts = make('span', { class: 'counts' });

  constructor(id: string) {
    super(id, 'group');
    put(this.root, 'aria-level', '1');
    const cell = { role: 'gridcell', 'aria-colspan': String(HEADINGS.length) };
    this.root.append(make('span', cell, this.#fold, this.#name, ' ', this.#counts));
  }

  show({ service, open, counts }: GroupRow): void {
    put(this.root, 'aria-expanded', String(open));
    say(this.#fold, open ? '▾' : '▸');
    say(this.#name, service || '—');
    const known = STATUSES.filter((status) => counts.has(status));
    const others = [...counts.keys()].filter((status) => !known.includes(status as never)).sort();
    const words = [...known, ...others].map((each) => `${counts.get(each)} ${lookOf(each).word}`);
    say(this.#counts, words.join(', '));
  }
}

export class InstanceElement extends RowElement {
  readonly #cells = new Map<string, HTMLElement>();
  readonly #id = make('strong');
  readonly #service = make('small');
  readonly #line = makeSvg('polyline', { class: 'line' });
  #status = '';

  constructor(id: string) {
    super(id, 'instance');
    put(this.root, 'aria-level', '2');
    for (const { name, title } of HEADINGS) {
      const cell = make('span', { role: 'gridcell', class: name, 'data-title': title });
      this.#cells.set(name, cell);
      this.root.append(cell);
    }
    this.#cell('id').append(this.#id, this.#service);
    const svg = makeSvg('svg', {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    });
    const y = String(HEIGHT * (1 - Math.sqrt(1 / HEADROOM)));
    svg.append(makeSvg('line', { class: 'level', x1: '0', x2: String(WIDTH), y1: y, y2: y }));
    svg.append(this.#line);
    this.#cell('curve').append(svg);
  }

  show(instance: Instance, fleet: Fleet, opened: string | undefined, threshold: number): void {
    const { id, service, status, draining, generation } = instance;
    put(this.root, 'data-id', id);
    this.root.classList.toggle('opened', id === opened);
    say(this.#id, id);
    say(this.#service, service || '—');
    const shown = `${status} ${draining}`;
    if (shown !== this.#status) {
      this.#status = shown;
      put(this.root, 'data-status', status);
      const parts = [badge(status)];
      if (draining) parts.push(make('span', { class: 'draining' }, '↓ draining'));
      this.#cell('status').replaceChildren(...parts);
    }
    const latest = fleet.latest(id);
    say(this.#cell('phi'), phi(latest?.phi));
    say(this.#cell('silence'), duration(latest?.silence));
    say(this.#cell('due'), latest?.suspectIn === undefined ? '–' : dueWords(latest.suspectIn));
    say(this.#cell('weight'), share(latest?.weight));
    say(this.#cell('generation'), String(generation ?? '–'));
    const ring = fleet.ring(id);
    put(this.#line, 'points', ring ? pointsOf(ring, KEPT, threshold * HEADROOM, HEIGHT) : '');
  }

  #cell(name: string): HTMLElement {
    return this.#cells.get(name)!;
  }
}

/** Until a suspicion, in ms; below zero, since when it is due. */
export const dueWords = (ms: number): string =>
  ms < 0 ? `${duration(-ms)} ago` : `in ${duration(ms)}`;
