/** The head of the page: the connection, and counts by status. */

import type { ConnectionState } from './connection.js';
import { make, put, say } from './dom.js';
import { duration } from './format.js';
import { lookOf, STATUSES } from './words.js';

const STATES: Readonly<Record<ConnectionState, string>> = {
  connecting: '… Connecting',
  live: '● Live',
  reconnecting: '↻ Reconnecting',
  silent: '‖ Nothing comes any more',
  closed: '○ Not connected',
};

/** Says how old the figures are wherever they are not of now. */
export function showConnection(root: HTMLElement, state: ConnectionState, age: number): void {
  const old = state !== 'live' && age > 0;
  put(root, 'data-state', state);
  // Whole seconds: a text that changes each frame would be read aloud each time.
  const since = age < 60_000 ? 'figures are old' : `figures are ${duration(age)} old`;
  say(root, old ? `${STATES[state]}: ${since}` : STATES[state]);
  document.documentElement.toggleAttribute('data-old', old);
}

/** Counts as buttons that show only that status; kept as elements, so that focus stays. */
export class Counts {
  readonly #root: HTMLElement;
  readonly #buttons = new Map<string, HTMLButtonElement>();
  readonly #onChoose: (status: string | undefined) => void;

  constructor(root: HTMLElement, onChoose: (status: string | undefined) => void) {
    this.#root = root;
    this.#onChoose = onChoose;
  }

  show(counts: ReadonlyMap<string, number>, chosen: string | undefined): void {
    const others = [...counts.keys()].filter((status) => !STATUSES.includes(status as never));
    for (const status of [...STATUSES, ...others.sort()]) {
      const n = counts.get(status) ?? 0;
      const button = this.#buttons.get(status) ?? this.#make(status);
      say(button.lastElementChild!, String(n));
      put(button, 'aria-pressed', String(status === chosen));
      button.hidden = n === 0 && status !== chosen;
    }
  }

  #make(status: string): HTMLButtonElement {
    const { word, shape, tone } = lookOf(status);
    const mark = make('span', { class: `mark ${shape} ${tone}`, 'aria-hidden': 'true' });
    const button = make('button', { type: 'button', 'data-status': status }, mark, `${word} `);
    button.append(make('b'));
    button.addEventListener('click', () => {
      const pressed = button.getAttribute('aria-pressed') === 'true';
      this.#onChoose(pressed ? undefined : status);
    });
    this.#buttons.set(status, button);
    this.#root.append(button);
    return button;
  }
}
