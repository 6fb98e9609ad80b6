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

  add(entry: Entry): void {
    this.#log.add(entry);
    if (!entry.minor) this.#unsaid.push(entry);
  }

  render(): void {
    const entries = this.#log.entries().filter((entry) => !entry.minor);
    const [newest] = entries;
    if (newest === this.#shown) return;
    this.#shown = newest;
    // Folded, it says the newest.
    say(
      this.#root.querySelector('summary span')!,
      this.#root.open || !newest ? '' : lineOf(newest),
    );
    if (!this.#root.open) return;
    this.#root.querySelector('ol')!.replaceChildren(
      ...entries.map((entry) => {
        const { at, id, text, tone } = entry;
        const who = id === undefined ? '' : make('button', { type: 'button', 'data-id': id }, id);
        return make('li', { class: tone }, make('time', {}, clock(at)), ' ', who, ` ${text}`);
      }),
    );
  }

  /** @param now in ms of the page's clock */
  speak(now: number): void {
    if (this.#unsaid.length === 0 || now - this.#saidAt < BREATH) return;
    this.#announcer.textContent = announcement(this.#unsaid);
    this.#unsaid = [];
    this.#saidAt = now;
  }
}

const lineOf = ({ at, id, text }: Entry): string => `${clock(at)} ${id ?? ''} ${text}`;
