/** The view of a recording: a line of progress, and what is to be known of the trace. */
import { statSync } from 'node:fs';
import { counted, formatBytes, formatMs, printable } from './format.js';
import type { RecordSource } from './recording-sources.js';
import { Screen } from './screen.js';

const FRAME = 200;
const LINES_EVERY = 2000;
const LOOK = 50;
/** Being late by more is worth a line: what arrived meanwhile has a wrong time in the trace. */
const STALL = 100;

export class Recording {
  readonly #source: RecordSource;
  readonly #file: string;
  readonly #screen = new Screen(process.stdout);
  readonly #startedAt = performance.now();
  #frames: ReturnType<typeof setInterval> | undefined;
  #looks: ReturnType<typeof setInterval> | undefined;
  #stalls = 0;

  constructor(source: RecordSource, file: string) {
    this.#source = source;
    this.#file = file;
    this.log(`recording ${source.name} into ${printable(file, ' ')}`);
  }

  /** Draws from now on: in place on a terminal, else a line now and then. */
  show(): void {
    const { live } = this.#screen;
    this.#frames = setInterval(() => this.#draw(), live ? FRAME : LINES_EVERY);
    if (live) this.#draw();
    let due = performance.now() + LOOK;
    this.#looks = setInterval(() => {
      const late = performance.now() - due;
      if (late > STALL) {
        this.#stalls++;
        this.log(`this process stalled for ${formatMs(late)}: arrivals then are recorded late`);
      }
      due = performance.now() + LOOK;
    }, LOOK);
  }

  /** A line that stays, above the progress. */
  log(line: string): void {
    this.#screen.log(`${this.#elapsed()}  ${line}`);
  }

  /** Takes the progress away: the summary tells it for good. */
  close(): void {
    clearInterval(this.#frames);
    clearInterval(this.#looks);
    this.#screen.draw([]);
    this.#screen.end();
  }

  /** What has been recorded, once it is on the disk. */
  summary(): string {
    const stalls = this.#stalls > 0 ? [`${counted(this.#stalls, 'stall')} of this process`] : [];
    return [this.#line(), ...this.#source.details(), ...stalls].join('\n');
  }

  #line(): string {
    const { size } = statSync(this.#file);
    return `${this.#source.line()} · ${formatBytes(size)}`;
  }

  #elapsed(): string {
    return `${((performance.now() - this.#startedAt) / 1000).toFixed(1).padStart(6)} s`;
  }

  #draw(): void {
    const line = `${this.#elapsed()}  ${this.#line()}`;
    if (!this.#screen.live) this.#screen.log(line);
    else {
      const { columns } = this.#screen.size;
      this.#screen.draw([line.slice(0, columns - 1), ' Ctrl-C ends.']);
    }
  }
}
