/** Which instance is open, as part of the address: to be linked to, and for the browser's Back. */

const PREFIX = '#instance=';

/** The id in a fragment; undefined for one that names no instance. */
export function idOf(fragment: string): string | undefined {
  if (!fragment.startsWith(PREFIX)) return undefined;
  try {
    return decodeURIComponent(fragment.slice(PREFIX.length)) || undefined;
  } catch {
    return undefined; // typed by hand: no page makes such a fragment
  }
}

export const fragmentOf = (id: string): string => PREFIX + encodeURIComponent(id);

export class Place {
  readonly #title = document.title;
  #id = idOf(location.hash);

  /** @param onMove the user went back, forward, or to another address of this page */
  constructor(onMove: (id: string | undefined) => void) {
    addEventListener('popstate', () => {
      const id = idOf(location.hash);
      // The link to the list leads elsewhere within what is shown.
      if (id === undefined && location.hash !== '') return;
      this.#enter(id);
      onMove(id);
    });
    this.#enter(this.#id);
  }

  get id(): string | undefined {
    return this.#id;
  }

  go(id: string | undefined): void {
    if (id === this.#id) return;
    const here = location.pathname + location.search;
    history.pushState(null, '', id === undefined ? here : fragmentOf(id));
    this.#enter(id);
  }

  #enter(id: string | undefined): void {
    this.#id = id;
    document.title = id === undefined ? this.#title : `${id} · ${this.#title}`;
  }
}
