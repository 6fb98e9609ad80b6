/** Keys: / searches, arrows move, Enter opens, Esc closes. */
import type { ListView } from './list-view.js';
import type { Row } from './rows.js';

export interface KeyboardOptions {
  readonly list: HTMLElement;
  readonly search: HTMLInputElement;
  readonly view: ListView;
  readonly open: (row: Row) => void;
  /** Folds or unfolds a group. */
  readonly fold: (service: string, open: boolean) => void;
  /** Closes the open instance, if there is one. */
  readonly close: () => void;
  readonly clearSearch: () => void;
}

export function listenToKeys(options: KeyboardOptions): void {
  const { list, search, view } = options;
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target instanceof HTMLInputElement;
    if (event.key === '/' && !typing) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === 'Escape' && event.target === search) {
      options.clearSearch();
      list.focus();
    } else if (event.key === 'Escape') {
      options.close();
    }
  });
  search.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowDown' && event.key !== 'Enter') return;
    event.preventDefault();
    list.focus();
  });
  const moves: Readonly<Record<string, () => void>> = {
    ArrowDown: () => view.move(1),
    ArrowUp: () => view.move(-1),
    PageDown: () => view.page(1),
    PageUp: () => view.page(-1),
    Home: () => view.moveTo(0),
    End: () => view.toEnd(),
    Enter: () => view.active && options.open(view.active),
    ArrowRight: () => {
      if (view.active?.kind === 'group') options.fold(view.active.service, true);
    },
    ArrowLeft: () => {
      if (view.active?.kind === 'group') options.fold(view.active.service, false);
      else view.toGroup();
    },
  };
  list.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    moves[event.key]();
  });
}
