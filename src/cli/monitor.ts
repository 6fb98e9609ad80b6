/** A view of a detector on a terminal, for `watch` and `demo`: a table, a log, and a summary. */
import { max, quantile } from 'simple-statistics';
import type { FailureDetector, Peer, Transition } from '../index.js';
import { explanationLines } from './explanation.js';
import { formatMs, printable } from './format.js';
import { Screen } from './screen.js';
import { renderTable } from './table.js';

interface Said {
  readonly event: 'suspect' | 'available';
  readonly transition: Transition;
}

const byName = new Intl.Collator('en', { numeric: true });
const FRAME = 100;
const LINES_EVERY = 2000;

export class Monitor {
  readonly detector: FailureDetector;
  readonly #said: Said[] = [];
  readonly #screen: Screen;
  readonly #peers = new Map<string, Peer>();
  readonly #footer: () => string;
  /** The peer that is explained instead of a table of all. */
  readonly #explained: string | undefined;
  readonly #startedAt: number;
  #frames: ReturnType<typeof setInterval> | undefined;

  constructor(detector: FailureDetector, footer: () => string, explained?: string) {
    this.detector = detector;
    this.#footer = footer;
    this.#explained = explained;
    this.#startedAt = detector.now();
    this.#screen = new Screen(process.stdout);
    detector.on('suspect', (transition) => this.#say({ event: 'suspect', transition }));
    detector.on('available', (transition) => {
      // Of those that are heard for the first time, the table says enough.
      if (transition.reason === 'heartbeat') this.#say({ event: 'available', transition });
    });
    detector.on('left', ({ peer }) => this.log(`${printable(peer)} has left`));
    detector.on('stall', ({ duration }) => {
      this.log(`this process stalled for ${formatMs(duration)}: that does not count as silence`);
    });
    detector.on('mass-silence', ({ active, overdue, watched, group }) => {
      const of = group === undefined ? '' : ` of group ${group}`;
      const share = `${overdue} of ${watched} peers${of} are overdue`;
      this.log(`${share}: suspicions are ${active ? 'deferred' : 'no longer deferred'}`);
    });
  }

  /** Draws now and from now on: in place on a terminal, elsewhere a line every two seconds. */
  show(): void {
    this.#frames = setInterval(() => this.#draw(), this.#screen.live ? FRAME : LINES_EVERY);
    if (this.#screen.live) this.#draw();
  }

  /** A line that stays, above the table. */
  log(line: string): void {
    const seconds = ((this.detector.now() - this.#startedAt) / 1000).toFixed(1).padStart(6);
    this.#screen.log(`${seconds} s  ${line}`);
  }

  #say(said: Said): void {
    this.#said.push(said);
    const { event, transition } = said;
    const { silence, at, due } = transition;
    const peer = printable(transition.peer);
    this.log(
      event === 'suspect'
        ? `${peer} is suspect: last heartbeat ${formatMs(silence)} ago, ` +
            `predicted ${formatMs(at - due, 2)} ago`
        : `${peer} is available again: a heartbeat ended ${formatMs(silence)} of silence`,
    );
  }

  #draw(): void {
    if (this.#explained !== undefined) this.#drawExplanation(this.#explained);
    else this.#drawTable();
  }

  #drawExplanation(id: string): void {
    const now = this.detector.now();
    const lines = explanationLines(id, this.detector.explain(id, now), now);
    const { live } = this.#screen;
    if (live) this.#screen.draw([...lines, this.#footer().slice(0, this.#screen.size.columns - 1)]);
    else for (const line of lines) this.#screen.log(line);
  }

  #drawTable(): void {
    const { detector } = this;
    for (const [id, { status }] of this.#peers) {
      if (status === undefined) this.#peers.delete(id); // forgotten, and perhaps watched anew
    }
    for (const id of detector.peers()) {
      const peer = this.#peers.get(id) ?? detector.peer(id);
      if (peer !== undefined) this.#peers.set(id, peer);
    }
    const peers = [...this.#peers.values()].sort((a, b) => byName.compare(a.id, b.id));
    const now = detector.now();
    if (this.#screen.live) {
      const { rows, columns } = this.#screen.size;
      const table = renderTable(peers, now, { rows: rows - 2, columns });
      this.#screen.draw([...table, this.#footer().slice(0, columns - 1)]);
    } else {
      const states = peers.map(
        (peer) => `${printable(peer.id)} ${peer.status} φ ${peer.phi(now).toFixed(2)}`,
      );
      this.log(states.join(' · ') || 'no peer is watched');
    }
  }

  /** Takes the last picture, and gives the terminal back. */
  end(): void {
    clearInterval(this.#frames);
    if (this.#screen.live || this.#explained !== undefined) this.#draw();
    this.#screen.end();
  }

  /** What was heard and seen, in a few lines. */
  summary({ heartbeats, malformed }: { heartbeats: number; malformed: number }): string {
    const said = this.#said;
    const suspicions = said.filter(({ event }) => event === 'suspect').map((s) => s.transition);
    const lines = [
      `${heartbeats} heartbeats, ${malformed} malformed datagrams, ` +
        `${suspicions.length} suspicions, ${said.length - suspicions.length} recoveries`,
    ];
    if (suspicions.length > 0) {
      const lateness = suspicions.map(({ at, due }) => at - due);
      lines.push(
        `events came ${formatMs(quantile(lateness, 0.5), 2)} (median), ` +
          `${formatMs(max(lateness), 2)} (at most) after the predicted instants`,
      );
    }
    return lines.join('\n');
  }
}
