/** A few lines at the bottom of a terminal that are drawn in place; plain lines elsewhere. */
import { clearScreenDown, cursorTo, moveCursor } from 'node:readline';
import type { WriteStream } from 'node:tty';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

export class Screen {
  readonly #out: WriteStream;
  /** Whether lines can be drawn in place. */
  readonly live: boolean;
  #drawn: readonly string[] = [];

  constructor(out: WriteStream) {
    this.#out = out;
    this.live = out.isTTY === true && process.env.TERM !== 'dumb';
    if (this.live) out.write(HIDE_CURSOR);
    // Lines that were drawn wider wrap now: there is no knowing how far up they reach.
    out.on('resize', () => {
      this.#drawn = [];
    });
  }

  get size(): { rows: number; columns: number } {
    return { rows: this.#out.rows ?? 24, columns: this.#out.columns ?? 80 };
  }

  /** Writes a line that stays, above what is drawn. */
  log(line: string): void {
    const drawn = this.#drawn;
    this.#clear();
    this.#out.write(`${line}\n`);
    this.draw(drawn);
  }

  /** Replaces what is drawn; lines must not be wider than the terminal. */
  draw(lines: readonly string[]): void {
    if (!this.live) return;
    this.#clear();
    this.#out.write(lines.map((line) => `${line}\n`).join(''));
    this.#drawn = lines;
  }

  /** Leaves what is drawn, and the cursor below it. */
  end(): void {
    if (this.live) this.#out.write(SHOW_CURSOR);
    this.#drawn = [];
  }

  #clear(): void {
    if (this.#drawn.length === 0) return;
    cursorTo(this.#out, 0);
    moveCursor(this.#out, 0, -this.#drawn.length);
    clearScreenDown(this.#out);
    this.#drawn = [];
  }
}
