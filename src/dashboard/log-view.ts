/** The last events of all, and a voice that says some of them. */
import { make, say } from './dom.js';
import { clock } from './format.js';
import { announcement, type Entry, type Log } from './log.js';

/** In ms: a voice that is interrupted by the next sentence says nothing. */
const BREATH = 4000;

export class LogView {
  readonly #root: HTMLDetailsElement;
  readonly #announcer: HTMLElement;
  readonly #log: Log;
  #unsaid: Entry[] = [];
  #saidAt = -Infinity;
  #shown: Entry | undefined;
  #lines = new Map<Entry, HTMLElement>();

  constructor(
    root: HTMLDetailsElement,
    announcer: HTMLElement,
    log: Log,
    onOpen: (id: string) => void,
  ) {
    this.#root = root;
    this.#announcer = announcer;
    this.#log = log;
    root.addEventListener('toggle', () => {
      this.#shown = undefined;
      this.render();
    });
    root.addEventListener('click', (event) => {
      const id = (event.target as HTMLElement).closest<HTMLElement>('[data-id]')?.dataset.id;
      if (id !== undefined) onOpen(id);
    });
  }

  /** Nothing for what is not worth a line. */
  add(entry: Entry | undefined): void {
    if (entry === undefined) return;
    this.#log.add(entry);
    this.#unsaid.push(entry);
  }

  render(): void {
    const entries = this.#log.entries();
    const [newest] = entries;
    if (newest === this.#shown) return;
    this.#shown = newest;
    // Folded, it says the newest.
    say(
      this.#root.querySelector('summary span')!,
      this.#root.open || !newest ? '' : lineOf(newest),
    );
    if (!this.#root.open) return;
    // Lines stay the elements that they are: one of them may have the focus.
    const lines = entries.map((entry) => this.#lines.get(entry) ?? lineElementOf(entry));
    this.#lines = new Map(entries.map((entry, i) => [entry, lines[i]]));
    const list = this.#root.querySelector('ol')!;
    const kept = new Set<Element>(lines);
    for (const line of [...list.children]) if (!kept.has(line)) line.remove();
    const before = list.firstChild;
    list.prepend(...lines.filter((line) => line.parentNode !== list));
    // Who has scrolled down to older ones reads on where he is.
    if (list.scrollTop > 0 && before instanceof HTMLElement) {
      list.scrollTop += before.offsetTop - (list.firstElementChild as HTMLElement).offsetTop;
    }
  }

  /** @param now in ms of the page's clock */
  speak(now: number): void {
    if (this.#unsaid.length === 0 || now - this.#saidAt < BREATH) return;
    this.#announcer.textContent = announcement(this.#unsaid);
    this.#unsaid = [];
    this.#saidAt = now;
  }
}

function lineElementOf({ at, id, text, tone }: Entry): HTMLElement {
  const who = id === undefined ? '' : make('button', { type: 'button', 'data-id': id }, id);
  return make('li', { class: tone }, make('time', {}, clock(at)), ' ', who, ` ${text}`);
}

const lineOf = ({ at, id, text }: Entry): string => `${clock(at)} ${id ?? ''} ${text}`;
