/** Datagrams on their way, by number; the numbers of those that arrived or were lost serve again. */
export class Datagrams {
  readonly link: number[] = [];
  readonly incarnation: number[] = [];
  readonly sequence: number[] = [];
  readonly #free: number[] = [];

  add(link: number, incarnation: number, sequence: number): number {
    const datagram = this.#free.pop() ?? this.link.length;
    this.link[datagram] = link;
    this.incarnation[datagram] = incarnation;
    this.sequence[datagram] = sequence;
    return datagram;
  }

  release(datagram: number): void {
    this.#free.push(datagram);
  }
}
