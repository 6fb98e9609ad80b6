/**
 * The service's clocks, as far as frames tell it: they take their time on the way, some more than
 * others, and a curve that moves by their arrival would shake.
 */
export class ServiceTime {
  /** What the service's clock is ahead of the page's, in ms. */
  #ahead: number | undefined;
  /** What its clock on the wall is ahead of this machine's, in ms. */
  #wallAhead = 0;

  /** @param at the service's time in a frame; @param heardAt the page's when it came */
  heard(at: number, heardAt: number): void {
    const ahead = at - heardAt;
    // The fastest frame is nearest to the truth. Clocks drift: an old best is given up slowly.
    const jumped = this.#ahead === undefined || Math.abs(ahead - this.#ahead) > 2000;
    if (jumped || ahead > this.#ahead!) this.#ahead = ahead;
    else this.#ahead! += (ahead - this.#ahead!) / 20;
  }

  /** @param wall the service's, ms since 1970; @param own this machine's when it came */
  told(wall: number, own: number): void {
    this.#wallAhead = wall - own;
  }

  /** ms since 1970 by the service: events are dated by its clock, whatever this machine's says. */
  wall(own: number): number {
    return own + this.#wallAhead;
  }

  /** The service's time at `now` of the page; undefined before the first frame. */
  at(now: number): number | undefined {
    return this.#ahead === undefined ? undefined : now + this.#ahead;
  }
}
