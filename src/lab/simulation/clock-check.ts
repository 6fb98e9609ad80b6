/**
 * What an observer's clock was set by. That it was set back is told, once it has shown the detector
 * an earlier time than before, and only then; nobody is suspected for it, and who dies is found out
 * one detection time later at most.
 *
 * A clock that was set forward looks like silence, as nothing in a simulated world tells one from
 * the other: a stall guard takes it for a stall, and without one it is silence.
 */
import { BOUNDS } from './invariants.js';

/** A clock may run back by so much without having been set, in ms. */
const JITTER = 10;
/** Of the time that went by until a step was seen, in ms: at least this is taken for granted. */
const MOMENT = 1e-3;
const ROUNDING = 1e-5;

interface Step {
  readonly at: number;
  readonly by: number;
}

/** The clock showed an earlier time than before. */
interface Fall {
  /** From what it showed last to what it shows, in ms; negative. */
  readonly shown: number;
  /** What it was set by between. */
  readonly by: number;
}

export class ClockCheck {
  readonly #guarded: boolean;
  readonly #steps: Step[] = [];
  readonly #untold: Fall[] = [];
  /** Whether it was set forward, and silence is what that looks like. */
  #isSilence = false;
  /** What the detector read last, and what the clock had been set by until then. */
  #shown = -Infinity;
  #setThen = 0;
  /** What it has been set by in all. */
  #set = 0;

  /** @param guarded whether a stall guard takes what was set forward for a stall */
  constructor(guarded: boolean) {
    this.#guarded = guarded;
  }

  set(at: number, by: number): void {
    this.#steps.push({ at, by });
    this.#set += by;
    if (by > 0 && !this.#guarded) this.#isSilence = true;
  }

  /** The latest time that the detector knows of; later than the clock's once that was set back. */
  get shown(): number {
    return this.#shown;
  }

  /** The detector read its clock. */
  shows(time: number): void {
    const shown = time - this.#shown;
    if (shown < 0) {
      if (shown >= -JITTER) return;
      this.#untold.push({ shown, by: this.#set - this.#setThen });
    }
    this.#shown = time;
    this.#setThen = this.#set;
  }

  /** Event `clock-step`; what is wrong with it. */
  told(by: number): string | undefined {
    const fall = this.#untold.shift();
    if (fall === undefined) return `told to be set by ${by} ms, and showed no earlier time`;
    const isLess = by > fall.shown + ROUNDING;
    if (!isLess && by >= fall.by - MOMENT - ROUNDING) return undefined;
    return `told to be set by ${by} ms, was by ${fall.by}, and fell by ${-fall.shown}`;
  }

  /** A heartbeat was read: by then all is told. */
  heard(): string | undefined {
    const fall = this.#untold.shift();
    return fall && `set by ${fall.by} ms, showed a time ${-fall.shown} ms earlier, not told`;
  }

  /** How much earlier than computed a suspicion may be: a guard knows when it stalled, about. */
  early(from: number, to: number, tolerated: number): number {
    const unnoticed = BOUNDS.unnoticed + BOUNDS.unnoticedShare * tolerated;
    const most = this.#guarded ? unnoticed : Infinity;
    return this.#sum(from, to, (by) => (by < 0 ? MOMENT : Math.min(by, most)));
  }

  /**
   * How much later, where it was set back: nothing tells how long that was not seen. Where it was set
   * forward and nobody noticed, the timer still goes by the clock of before.
   */
  late(from: number, to: number, tolerated: number): number {
    if (this.#isSilence) return Infinity;
    return this.#sum(from, to, (by) => (by < 0 ? tolerated : 0));
  }

  #sum(from: number, to: number, of: (by: number) => number): number {
    let sum = 0;
    for (let i = this.#steps.length - 1; i >= 0 && this.#steps[i].at >= from; i--) {
      if (this.#steps[i].at <= to) sum += of(this.#steps[i].by);
    }
    return sum;
  }
}
