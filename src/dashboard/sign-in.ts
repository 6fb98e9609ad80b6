/** The form that changes a token for a cookie: the page itself never keeps the token. */
import { ask, Refused } from './api.js';
import { say } from './dom.js';

export class SignIn {
  readonly #form: HTMLFormElement;
  readonly #token: HTMLInputElement;
  readonly #wrong: Element;
  readonly #onDone: () => void;
  #done = false;

  constructor(form: HTMLFormElement, onDone: () => void) {
    this.#form = form;
    this.#token = form.querySelector<HTMLInputElement>('#token')!;
    this.#wrong = form.querySelector('.wrong')!;
    this.#onDone = onDone;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
  }

  /** Whether somebody has signed in on this page. */
  get done(): boolean {
    return this.#done;
  }

  /** @param wrong why, if that is not plain */
  show(wrong = ''): void {
    this.#done = false;
    say(this.#wrong, wrong);
    if (!this.#form.hidden) return;
    this.#form.hidden = false;
    this.#token.focus();
  }

  hide(): void {
    this.#form.hidden = true;
  }

  async #submit(): Promise<void> {
    say(this.#wrong, '');
    const token = this.#token.value.trim(); // tokens have no spaces, and what is pasted often has
    this.#token.value = '';
    try {
      await ask('session', 'POST', { token });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const isUnknown = error.status === 401 || error.status === 403;
      say(this.#wrong, isUnknown ? 'The registry does not know this token.' : error.message);
      this.#token.focus();
      return;
    }
    this.hide();
    this.#done = true;
    this.#onDone();
  }
}
