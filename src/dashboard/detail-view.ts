/** One instance, open: its curve, its intervals, why it has the status that it has, what may be done. */
import { ask, instancePath, Refused } from './api.js';
import { type Detail, readDetail, sentencesOf } from './detail.js';
import { make, put, say } from './dom.js';
import type { Fleet, Latest } from './fleet.js';
import { clock, duration, NONE, phi, share } from './format.js';
import { histogramOf } from './histogram.js';
import { IntervalChart } from './interval-chart.js';
import type { Entry } from './log.js';
import type { Instance } from './messages.js';
import { PhiChart } from './phi-chart.js';
import { suspicionIn } from './phi-curve.js';
import { badge, dueWords } from './row-element.js';

/** What the user of this session may do. */
export interface Rights {
  readonly operator: boolean;
  readonly demo: boolean;
}

export interface DetailOptions {
  readonly root: HTMLElement;
  readonly fleet: Fleet;
  readonly rights: () => Rights;
  readonly onClose: () => void;
  readonly onDetail: (detail: Detail) => void;
}

const DEMO = { kill: 'Kill', freeze: 'Freeze', resume: 'Resume', start: 'Start' } as const;
const FIGURES = ['φ', 'Silence', 'Suspicion', 'Weight'] as const;

export class DetailView {
  readonly #options: DetailOptions;
  readonly #phi = new PhiChart();
  readonly #intervals = new IntervalChart();
  readonly #title = make('h2', { id: 'detail-title', tabindex: '-1' });
  readonly #where = make('p', { class: 'where' });
  readonly #status = make('p', { class: 'status' });
  readonly #figures = new Map(FIGURES.map((name) => [name, make('dd')]));
  readonly #words = make('div', { class: 'words' });
  readonly #actions = make('div', { class: 'actions' });
  readonly #drain = make('button', { type: 'button' }, 'Drain');
  readonly #wrong = make('p', { class: 'wrong', role: 'alert' });
  readonly #events = make('ol');
  readonly #fitted = make('p', { class: 'note' });
  #id: string | undefined;
  #last: Instance | undefined;
  #latest: Latest | undefined;
  #told = '';
  #asking = false;
  #again = false;

  constructor(options: DetailOptions) {
    this.#options = options;
    const close = make(
      'button',
      { type: 'button', class: 'close' },
      'Close ',
      make('kbd', {}, 'Esc'),
    );
    close.addEventListener('click', options.onClose);
    this.#drain.addEventListener('click', () => {
      const action = this.#last?.draining ? 'undrain' : 'drain';
      void this.#act(`${instancePath(this.#id ?? '')}/${action}`);
    });
    const figures = make('dl');
    for (const [name, value] of this.#figures)
      figures.append(make('div', {}, make('dt', {}, name), value));
    options.root.append(
      make('div', { class: 'title' }, this.#title, close),
      this.#where,
      this.#status,
      this.#actions,
      this.#wrong,
      figures,
      make('h3', {}, 'φ'),
      this.#phi.root,
      make(
        'p',
        { class: 'note' },
        'Dashed: if nothing is heard any more. Vertical: now, and the predicted suspicion.',
      ),
      make('h3', {}, 'Inter-arrival times'),
      this.#intervals.root,
      this.#fitted,
      make('h3', {}, 'Why'),
      this.#words,
      make('h3', {}, 'Its last events'),
      this.#events,
    );
    new ResizeObserver(() => {
      this.#phi.resize();
      this.#intervals.resize();
    }).observe(options.root);
  }

  get id(): string | undefined {
    return this.#id;
  }

  open(id: string): void {
    this.#intervals.clear();
    this.#id = id;
    this.#last = undefined;
    this.#tell([]);
    this.#words.replaceChildren(make('p', {}, 'Asking …'));
    say(this.#wrong, '');
    say(this.#fitted, '');
    say(this.#title, id);
    say(this.#where, '');
    this.#status.replaceChildren();
    this.#options.root.hidden = false;
    this.#makeActions();
    this.show();
    this.#title.focus();
    this.#phi.begin(this.#options.fleet.history(id));
    if (this.#last === undefined) void this.refresh();
  }

  close(): void {
    this.#id = undefined;
    this.#options.root.hidden = true;
    this.#phi.destroy();
    this.#intervals.destroy();
  }

  /** Colours changed. */
  repaint(): void {
    if (this.#id === undefined) return;
    this.#phi.rebuild();
    this.#intervals.rebuild();
  }

  /** What the list knows of it; @param at the service's time in ms of a new frame, if it is one */
  show(at?: number): void {
    const id = this.#id;
    if (id === undefined) return;
    const { fleet } = this.#options;
    const instance = fleet.get(id);
    if (instance !== undefined && instance !== this.#last) {
      this.#describe(instance);
      void this.refresh(); // what explains the instance of before explains it no more
    }
    if (instance === undefined) {
      const known = this.#last !== undefined;
      this.#status.replaceChildren(`${known ? 'No longer' : 'Not'} in the registry.`);
    }
    const latest = fleet.latest(id);
    const figure = (name: (typeof FIGURES)[number], text: string) =>
      say(this.#figures.get(name)!, text);
    figure('φ', phi(latest?.phi));
    figure('Silence', duration(latest?.silence));
    figure('Weight', share(latest?.weight));
    this.#latest = latest;
    this.#countDown(latest?.heardAt ?? 0);
    if (at !== undefined && latest !== undefined) this.#phi.add({ ...latest, at });
  }

  /** Its last events, as the service tells them: @param history the oldest first */
  #tell(history: readonly Entry[]): void {
    const items = [...history].reverse().map(itemOf);
    const text = items.map((item) => item.textContent).join('\n');
    if (text === this.#told) return;
    this.#told = text;
    this.#events.replaceChildren(...items);
  }

  /** One event more, the last. */
  add(entry: Entry): void {
    this.#events.prepend(itemOf(entry));
  }

  /** Between frames: @param now of the page, @param serviceNow of the service, in ms */
  move(now: number, serviceNow: number): void {
    if (this.#id === undefined) return;
    this.#phi.moveTo(serviceNow, this.#countDown(now));
  }

  /** Asks for its explanation anew: one request at a time, and once more for what came meanwhile. */
  async refresh(): Promise<void> {
    this.#again = this.#asking;
    if (this.#asking || this.#id === undefined) return;
    this.#asking = true;
    const id = this.#id;
    try {
      const detail = readDetail(await ask(instancePath(id)));
      if (id === this.#id) this.#explain(detail);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (id === this.#id)
        this.#words.replaceChildren(make('p', { class: 'wrong' }, error.message));
    } finally {
      this.#asking = false;
      if (this.#again) void this.refresh();
    }
  }

  #describe(instance: Instance): void {
    this.#last = instance;
    const meta = Object.entries(instance.meta).map(([key, value]) => `${key}=${value}`);
    const life = `generation ${instance.generation ?? '?'}`;
    const parts = [instance.service, instance.address, life, ...meta];
    say(this.#where, parts.filter(Boolean).join(' · '));
    const marks = [badge(instance.status)];
    if (instance.draining) marks.push(make('span', { class: 'draining' }, '↓ draining'));
    this.#status.replaceChildren(...marks);
    say(this.#drain, instance.draining ? 'Undrain' : 'Drain');
  }

  #explain(detail: Detail): void {
    const instance = detail.instance ?? this.#last;
    if (instance === undefined) return;
    this.#options.onDetail(detail);
    this.#tell(detail.history);
    this.#phi.setModel(detail.fit.model, detail.thresholds);
    const sentences = sentencesOf(detail, instance);
    this.#words.replaceChildren(...sentences.map((each) => make('p', {}, each)));
    const histogram = histogramOf(detail.samples, detail.fit);
    if (histogram !== undefined) this.#intervals.set(histogram);
    let note = 'None are kept of it.';
    if (histogram !== undefined) {
      note = `Bars: the ${detail.samples.length} of its window. `;
      note += histogram.expected
        ? `Line: what the ${detail.fit.model} model expects, with the σ that φ is computed with.`
        : `The ${detail.fit.model ?? 'unknown'} model has no density to draw.`;
    }
    say(this.#fitted, note);
  }

  /** @returns ms until the suspicion, as it is shown */
  #countDown(now: number): number | undefined {
    const latest = this.#latest;
    const left = latest && suspicionIn(latest, now - latest.heardAt);
    say(this.#figures.get('Suspicion')!, left === undefined ? NONE : dueWords(left));
    return left;
  }

  #makeActions(): void {
    const { operator, demo } = this.#options.rights();
    this.#actions.replaceChildren();
    if (operator) this.#actions.append(this.#drain);
    if (!demo) return;
    for (const [action, word] of Object.entries(DEMO)) {
      const button = make('button', { type: 'button', class: 'demo' }, word);
      button.addEventListener('click', () => {
        void this.#act(`demo/${encodeURIComponent(this.#id ?? '')}/${action}`);
      });
      this.#actions.append(button);
    }
  }

  async #act(path: string): Promise<void> {
    const buttons = [...this.#actions.querySelectorAll('button')];
    say(this.#wrong, '');
    for (const button of buttons) put(button, 'aria-disabled', 'true');
    try {
      await ask(path, 'POST', {});
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(this.#wrong, error.message);
    } finally {
      for (const button of buttons) button.removeAttribute('aria-disabled');
    }
  }
}

const itemOf = ({ at, text, tone }: Entry) =>
  make('li', { class: tone }, make('time', {}, clock(at)), ` ${text}`);
