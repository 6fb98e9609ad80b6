/**
 * The service's clock, as far as frames tell it: they take their time on the way, some more than
 * others, and a curve that moves by their arrival would shake.
 */
export class ServiceTime {
  /** What the service's clock is ahead of the page's, in ms. */
  #ahead: number | undefined;

  /** @param at the service's time in a frame; @param heardAt the page's when it came */
  heard(at: number, heardAt: number): void {
    const ahead = at - heardAt;
    // The fastest frame is nearest to the truth. Clocks drift: an old best is given up slowly.
    const jumped = this.#ahead === undefined || Math.abs(ahead - this.#ahead) > 2000;
    if (jumped || ahead > this.#ahead!) this.#ahead = ahead;
    else this.#ahead! += (ahead - this.#ahead!) / 20;
  }

  /** The service's time at `now` of the page; undefined before the first frame. */
  at(now: number): number | undefined {
    return this.#ahead === undefined ? undefined : now + this.#ahead;
  }
}
