/** The page as a whole: the stream, the list, the open instance, and when each is drawn. */
import { ask, instancePath, Refused } from './api.js';
import { Connection } from './connection.js';
import { type Detail, readDetail } from './detail.js';
import { DetailView } from './detail-view.js';
import { part, say } from './dom.js';
import { Fleet } from './fleet.js';
import { Counts, showConnection } from './header-view.js';
import { listenToKeys } from './keyboard.js';
import { ListView } from './list-view.js';
import { type Entry, entryOf, entryOfEdge, Log } from './log.js';
import { LogView } from './log-view.js';
import { type Frame, fieldsOf, type ProtectionEdge, readMessage } from './messages.js';
import { Place } from './place.js';
import { ProtectionView } from './protection-view.js';
import { countsOf, type Row, remarks, rowsOf, type View } from './rows.js';
import { ServiceTime } from './service-time.js';
import { SignIn } from './sign-in.js';
import { isStill } from './theme.js';

const TYPES = ['snapshot', 'change', 'frame', 'protection'];
/** In ms. */
const TICK = 500;
const REFRESH = 2000;
/** Of suspicion, until an explanation says it. */
const THRESHOLD = 8;
const EVENTS = 200;
/** So wide that an open instance is beside the list; below, it covers it. As in style.css. */
const WIDE = '(min-width: 1100px)';

export class Dashboard {
  readonly #fleet = new Fleet();
  readonly #log = new Log(EVENTS);
  readonly #time = new ServiceTime();
  readonly #connection = new Connection({
    open: () => new EventSource('events?frames=1'),
    types: TYPES,
    onMessage: (type, text) => this.#received(type, text),
    onState: () => this.#invalidate(),
    onRefused: () => void this.#refused(),
    now: () => performance.now(),
  });
  readonly #signIn = new SignIn(part<HTMLFormElement>('#sign-in'), () => void this.start());
  readonly #protection = new ProtectionView(part('#protection'));
  readonly #counts = new Counts(part('#counts'), (status) => this.#look({ status }));
  readonly #logView = new LogView(
    part<HTMLDetailsElement>('#log'),
    part('#announcer'),
    this.#log,
    (id) => this.#open(id),
  );
  readonly #detail = new DetailView({
    root: part('#detail'),
    fleet: this.#fleet,
    rights: () => this.#rights,
    onClose: () => this.#close(),
    onDetail: (detail) => this.#learnt(detail),
  });
  readonly #list = part('#list');
  readonly #search = part<HTMLInputElement>('#search');
  readonly #view = new ListView({
    list: this.#list,
    fleet: this.#fleet,
    invalidate: () => this.#invalidate(),
    onOpen: (row) => this.#chosen(row),
  });
  readonly #wide = matchMedia(WIDE);
  readonly #place = new Place((id) => this.#show(id));
  #choice: View = { search: '', status: undefined, grouped: true, folded: new Set() };
  #rights = { operator: false, demo: false };
  #threshold = THRESHOLD;
  /** What the rows were made from. */
  #laidOut: { layout: number; view: View } | undefined;
  #pending = false;
  #refreshedAt = 0;
  #notUnderstood = 0;

  constructor() {
    const grouped = part<HTMLInputElement>('#grouped');
    grouped.addEventListener('change', () => this.#look({ grouped: grouped.checked }));
    this.#search.addEventListener('input', () => this.#look({ search: this.#search.value }));
    part('#sign-out').addEventListener('click', () => void this.#signOut());
    listenToKeys({
      list: this.#list,
      search: this.#search,
      view: this.#view,
      open: (row) => this.#chosen(row),
      fold: (service, open) => this.#fold(service, open),
      close: () => this.#close(),
      clearSearch: () => {
        this.#search.value = '';
        this.#look({ search: '' });
      },
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () =>
      this.#detail.repaint(),
    );
    this.#wide.addEventListener('change', () => this.#cover());
    document.addEventListener('visibilitychange', () => this.#invalidate());
    setInterval(() => this.#tick(), TICK);
  }

  /** Asks who we are, then opens the stream, or the form to sign in. */
  async start(): Promise<void> {
    try {
      const session = fieldsOf(await ask('session'));
      if (session?.role === 'node') {
        this.#signIn.show(
          'That token is one for nodes: this page needs a reader’s or an operator’s.',
        );
        return;
      }
      const operator = session?.role === 'operator';
      this.#rights = { operator, demo: operator && session?.demo === true };
      part('#sign-out').hidden = !this.#signIn.done && session?.cookie !== true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 401) this.#signIn.show();
      else this.#connection.retry();
      return;
    }
    this.#signIn.hide();
    if (this.#detail.id !== undefined) this.#show(this.#detail.id); // as these rights have it
    this.#connection.open();
  }

  async #refused(): Promise<void> {
    try {
      await ask('session');
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 401) return this.#signIn.show();
    }
    this.#connection.retry();
  }

  async #signOut(): Promise<void> {
    this.#connection.close();
    try {
      await ask('session', 'DELETE');
    } catch (error) {
      // What is shown stays, and says that it is not connected.
      if (!(error instanceof Refused)) throw error;
      await this.start();
      return;
    }
    // Loaded anew, without the instance that is open: whoever is next at this screen finds nothing.
    location.replace(location.pathname + location.search);
  }

  #received(type: string, text: string): void {
    const message = readMessage(type, text);
    const now = performance.now();
    switch (message?.type) {
      case 'snapshot':
        this.#fleet.snapshot(message);
        if (this.#place.id !== this.#detail.id) this.#show(this.#place.id);
        void this.#protection.refresh();
        if (this.#threshold === THRESHOLD) void this.#learnThreshold();
        break;
      case 'change':
        if (this.#fleet.change(message)) this.#note(entryOf(message, this.#date));
        break;
      case 'protection':
        this.#edge(message);
        break;
      case 'frame':
        this.#frame(message, now);
        return;
      default:
        this.#notUnderstood++;
    }
    this.#detail.show();
    this.#invalidate();
  }

  get #date(): number {
    return this.#time.wall(Date.now());
  }

  #note(entry: Entry | undefined): void {
    this.#logView.add(entry);
    // Of who is gone the service tells no more.
    const { id } = this.#detail;
    const isGone = id !== undefined && this.#fleet.get(id) === undefined;
    if (entry?.id === id && entry && isGone) this.#detail.add(entry);
  }

  #edge(edge: ProtectionEdge): void {
    const entry = entryOfEdge(edge, this.#date);
    this.#logView.add(entry);
    if (entry === undefined) return;
    if (edge.rule === 'stall') this.#protection.stalled(edge.duration ?? 0);
    void this.#protection.refresh();
  }

  #frame(frame: Frame, now: number): void {
    const at = frame.at ?? now;
    this.#fleet.frame(frame, at, now);
    this.#time.heard(at, now);
    if (frame.wall !== undefined) this.#time.told(frame.wall, Date.now());
    this.#detail.show(at);
    if (isStill()) this.#detail.move(now, at);
    this.#invalidate();
  }

  #tick(): void {
    const now = performance.now();
    this.#connection.tick();
    this.#logView.speak(now);
    this.#protection.tick(now);
    if (now - this.#refreshedAt > REFRESH && this.#connection.state === 'live') {
      this.#refreshedAt = now;
      if (!document.hidden) void this.#detail.refresh();
    }
    this.#invalidate();
  }

  /** Draws once before the next frame of the screen, however many reasons there are for it. */
  #invalidate(): void {
    if (this.#pending || document.hidden) return;
    this.#pending = true;
    requestAnimationFrame(() => {
      this.#pending = false;
      this.#render();
    });
  }

  #render(): void {
    const now = performance.now();
    const { state, heardAt } = this.#connection;
    showConnection(part('#connection'), state, heardAt > 0 ? now - heardAt : 0);
    if (this.#laidOut?.layout !== this.#fleet.layout || this.#laidOut.view !== this.#choice) {
      this.#layOut();
    }
    this.#view.render(this.#detail.id, this.#threshold);
    this.#logView.render();
    if (this.#detail.id === undefined || isStill() || state !== 'live') return;
    const serviceNow = this.#time.at(now);
    if (serviceNow !== undefined) this.#detail.move(now, serviceNow);
    this.#invalidate(); // its curve moves with every frame of the screen
  }

  #layOut(): void {
    const instances = this.#fleet.sorted();
    const rows = rowsOf(instances, this.#choice);
    this.#laidOut = { layout: this.#fleet.layout, view: this.#choice };
    this.#view.setRows(rows);
    this.#counts.show(countsOf(instances), this.#choice.status);
    const isEmpty = rows.length === 0 && this.#fleet.revision >= 0;
    say(part('#nothing'), remarks(isEmpty, instances.length, this.#notUnderstood));
  }

  #look(change: Partial<View>): void {
    this.#choice = { ...this.#choice, ...change };
    this.#invalidate();
  }

  #fold(service: string, open: boolean): void {
    const folded = new Set(this.#choice.folded);
    if (open) folded.delete(service);
    else folded.add(service);
    this.#look({ folded });
  }

  #chosen(row: Row): void {
    if (row.kind === 'group') this.#fold(row.service, !row.open);
    else this.#open(row.instance.id);
  }

  #open(id: string): void {
    this.#place.go(id);
    this.#show(id);
  }

  #show(id: string | undefined): void {
    const open = id !== undefined;
    document.documentElement.toggleAttribute('data-open', open);
    this.#cover();
    if (open) this.#detail.open(id);
    else this.#detail.close();
    if (!open) this.#list.focus();
    this.#refreshedAt = performance.now();
    this.#invalidate();
  }

  #close(): void {
    if (this.#detail.id === undefined) return;
    this.#place.go(undefined);
    this.#show(undefined);
  }

  /** What an open instance covers takes no part. */
  #cover(): void {
    const open = document.documentElement.hasAttribute('data-open');
    part('main').inert = open && !this.#wide.matches;
  }

  /** The thresholds of one instance stand for all in the curves of the list. */
  async #learnThreshold(): Promise<void> {
    const [first] = this.#fleet.sorted();
    if (first === undefined) return;
    try {
      this.#learnt(readDetail(await ask(instancePath(first.id))));
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // gone meanwhile: the default serves
    }
  }

  #learnt(detail: Detail): void {
    this.#threshold = detail.thresholds.at(-1) ?? this.#threshold;
  }
}
