/**
 * What readers of events are sent, in parts of a bounded size that all readers share: however many
 * do not read, each holds one part, and nobody a whole snapshot.
 */
import type { InstanceView } from '../instance.js';
import type { WatchEvent } from '../views.js';

/** A piece of a text, and how to come by the one after it. */
export interface Part {
  readonly bytes: Uint8Array;
  /** Undefined for the last one. */
  readonly next: (() => Part) | undefined;
}

const encoder = new TextEncoder();

/** The parts of bytes that are there already, from `at` on. */
function partsOf(bytes: Uint8Array, most: number, then?: () => Part, at = 0): Part {
  if (bytes.length - at <= most)
    return { bytes: at === 0 ? bytes : bytes.subarray(at), next: then };
  const end = at + most;
  return { bytes: bytes.subarray(at, end), next: () => partsOf(bytes, most, then, end) };
}

/**
 * A snapshot that is written as it is read. Its views are frozen, so that a piece which nobody holds
 * any more can be let go, and made again for a reader who comes later to it.
 */
class Snapshot {
  readonly #head: string;
  readonly #views: readonly InstanceView[];
  readonly #most: number;
  /** Where each piece begins, as far as that is known. */
  readonly #starts = [0];
  readonly #pieces: (WeakRef<Uint8Array> | undefined)[] = [];

  constructor(head: string, views: readonly InstanceView[], most: number) {
    this.#head = head;
    this.#views = views;
    this.#most = most;
  }

  piece(i = 0): Part {
    const bytes = this.#pieces[i]?.deref() ?? this.#make(i);
    const isLast = this.#starts[i + 1] === this.#views.length;
    return partsOf(bytes, this.#most, isLast ? undefined : () => this.piece(i + 1));
  }

  #make(i: number): Uint8Array {
    let text = i === 0 ? this.#head : '';
    let at = this.#starts[i];
    do {
      if (at < this.#views.length) text += (at > 0 ? ',' : '') + JSON.stringify(this.#views[at++]);
      if (at === this.#views.length) text += ']}\n\n';
    } while (at < this.#views.length && text.length < this.#most);
    this.#starts[i + 1] = at;
    const bytes = encoder.encode(text);
    this.#pieces[i] = new WeakRef(bytes);
    return bytes;
  }
}

export class StreamTexts {
  readonly #epoch: string;
  readonly #most: number;
  /** Texts of changes by their views, which all readers are given alike. */
  readonly #changes = new WeakMap<InstanceView, Uint8Array>();
  /** The last snapshot: readers that begin at the same revision share it. */
  #snapshot: { revision: number; service: string | undefined; text: Snapshot } | undefined;

  /** @param most bytes of a part */
  constructor(epoch: string, most: number) {
    this.#epoch = epoch;
    this.#most = most;
  }

  /** The beginning of an event. */
  of(event: WatchEvent, service: string | undefined): Part {
    const { type, revision } = event;
    const head = `id: ${this.#epoch}-${revision}\nevent: ${type}\ndata: `;
    if (event.type === 'snapshot') {
      const known = this.#snapshot;
      if (known?.revision === revision && known.service === service) return known.text.piece();
      const begin = `${head}{"revision":${revision},"instances":[`;
      const text = new Snapshot(begin, event.instances, this.#most);
      this.#snapshot = { revision, service, text };
      return text.piece();
    }
    let bytes = this.#changes.get(event.instance);
    if (bytes === undefined) {
      const { type: _, ...rest } = event;
      bytes = encoder.encode(`${head}${JSON.stringify(rest)}\n\n`);
      this.#changes.set(event.instance, bytes);
    }
    return partsOf(bytes, this.#most);
  }

  /** A text that is sent as a whole or not at all, for all who are to have it. */
  whole(text: string): Part {
    return partsOf(encoder.encode(text), this.#most);
  }

  /** Nobody reads: what readers shared is let go. */
  rest(): void {
    this.#snapshot = undefined;
  }
}
