/** The state of protection in the head of the page: asked for when it may have changed. */
import { ask, Refused } from './api.js';
import { make } from './dom.js';
import { noticesOf } from './protection.js';

/** In ms: its numbers change while a rule is in force. */
const REFRESH = 5000;
/** A stall is over when it is noticed: so long it is told of. */
const STALL_SHOWN = 30_000;

export class ProtectionView {
  readonly #root: HTMLElement;
  #refreshedAt = Infinity;
  #asking = false;
  #again = false;
  #shown = '';
  #stalledAt = -Infinity;
  #stalledFor = 0;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** @param now in ms of the page's clock */
  tick(now: number): void {
    if (this.#root.dataset.active !== undefined && now - this.#refreshedAt > REFRESH) {
      void this.refresh();
    }
  }

  /** The registry noticed that it could not run, for so long in ms. */
  stalled(lasted: number): void {
    this.#stalledFor = lasted;
    this.#stalledAt = performance.now();
  }

  /** One request at a time; what changed during one is asked for after it. */
  async refresh(): Promise<void> {
    this.#again = this.#asking;
    if (this.#asking) return;
    this.#asking = true;
    this.#refreshedAt = performance.now();
    try {
      this.#show(await ask('protection'));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#replace([make('li', { class: 'wrong' }, `Protection unknown: ${error.message}`)]);
    } finally {
      this.#asking = false;
      if (this.#again) void this.refresh();
    }
  }

  #show(value: unknown): void {
    const recent = performance.now() - this.#stalledAt < STALL_SHOWN;
    const notices = noticesOf(value, recent ? this.#stalledFor : undefined);
    this.#root.toggleAttribute('data-active', notices.length > 0);
    const items = notices.map(({ rule, icon, title, text }) => {
      const sign = make('span', { class: 'icon', 'aria-hidden': 'true' }, icon);
      const words = [make('strong', {}, title), ` ${text}`];
      return make('li', { class: 'notice', 'data-rule': rule }, sign, make('span', {}, ...words));
    });
    if (items.length === 0) items.push(make('li', { class: 'quiet' }, '✓ No protection in force'));
    this.#replace(items);
  }

  #replace(items: readonly HTMLElement[]): void {
    const text = items.map((item) => item.textContent).join('\n');
    if (text === this.#shown) return;
    this.#shown = text;
    this.#root.replaceChildren(...items);
  }
}
