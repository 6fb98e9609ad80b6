/** The calibrated model once more, as plainly as it can be written: numbers in objects, no tricks. */

interface Level {
  phi: number;
  q: number;
  hit: boolean;
}

export class LadderOracle {
  levels: Level[] = [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5].map((phi) => ({ phi, q: 0, hit: false }));
  timed: Level | undefined;
  n = 0;
  /** Without what was borrowed of the cohort. */
  own = 0;
  run = 0;
  debt = 0;
  m: number;
  unit: number;
  /** The interval of before; and the silences in a row that were beyond the threshold. */
  other = 0;
  beyond: number[] = [];
  back = 0;
  before = 0;
  readonly decisive: number;

  constructor(
    interval: number,
    threshold = 4,
    readonly wish?: number,
    readonly ofCohort?: CohortOracle,
  ) {
    this.m = interval;
    this.unit = interval;
    const phi = wish === undefined ? threshold : Math.max(Math.log10(3.6e6 / (interval * wish)), 1);
    this.decisive = phi;
    if (phi >= 1 && (phi <= 5 || wish !== undefined)) {
      // Whoever is nearest gives way; the ends do so only to what lies on or beyond them.
      const able = this.levels.filter(
        (level) => (level.phi > 1 || phi === 1) && (level.phi < 5 || phi >= 5),
      );
      const nearest = able.reduce((a, b) =>
        Math.abs(b.phi - phi) < Math.abs(a.phi - phi) ? b : a,
      );
      nearest.phi = phi;
      if (wish !== undefined) this.timed = nearest;
    }
    for (const level of this.levels) level.q = Math.log(0.15 * 3 ** (level.phi - 1));
    if (ofCohort === undefined || ofCohort.n < 30) return;
    this.n = Math.min(ofCohort.n, 1000);
    this.levels.forEach((level, j) => {
      const { q } = ofCohort.levels[j];
      const lower = j > 0 ? this.levels[j - 1].q + 0.002 : -Infinity;
      level.q = Math.max(q, this.floor(level), lower);
    });
  }

  /** @param slot whose turn it is, once the cohort hears but every 16th */
  learn(x: number, slot = 0): void {
    const { m, unit, ofCohort } = this;
    const isBeyond = x > m && x > this.silence(this.decisive);
    this.n++;
    this.own++;
    if (this.run < 4 || x <= 1.5 * m) {
      const y = x > m ? Math.log((x - m) / unit) : -50;
      const time = Math.min(x, 100 * m);
      const turn = ofCohort && (ofCohort.n < 1e5 || (this.own + slot) % 16 === 0);
      if (turn && this.own > 3) ofCohort.hear(y, time);
      this.move(y, time);
    }
    if (this.changes(x, isBeyond)) return;
    if (x > 3 * m) this.debt = (1.25 * x) / m + 4;
    else if (this.debt > 0 && x < m / 2) {
      this.debt--;
      return;
    } else this.debt = 0;
    const e = Math.min(Math.max(x - m, -m / 2), m / 2);
    this.run = e === m / 2 ? this.run + 1 : 0;
    this.m = Math.max(m + (this.run >= 4 ? 0.5 : Math.max(1 / 32, 1 / (this.own + 1))) * e, 1e-6);
    if (this.m < unit / 2 || this.m > 2 * unit) {
      this.unit = this.m;
      this.n = Math.min(this.n, 100);
      this.own = Math.min(this.own, 100);
    }
  }

  changes(x: number, isBeyond: boolean): boolean {
    const { m, other, beyond } = this;
    const near = (a: number, b: number, factor: number) => Math.max(a / b, b / a) <= factor;
    const isOther = other > 0 && near(x, other, 1.25);
    if (beyond.length === 0 && this.back === 0) this.before = m;
    this.back = isOther && x < m ? this.back + 1 : 0;
    let to = m;
    if ((isBeyond && isOther) || this.back === 3) to = other;
    else if (isBeyond) {
      const agrees = near(Math.min(...beyond, x), Math.max(...beyond, x), 3);
      this.beyond = agrees ? [...beyond, x] : [x];
      if (this.beyond.length === 3) to = this.beyond.reduce((a, b) => a + b) / 3;
    } else this.beyond = [];
    if (to === m) return false;
    Object.assign(this, { beyond: [], back: 0, m: to, debt: 0, run: 0 });
    if (!near(to, this.before, 1.5)) this.other = this.before;
    if (to === other) this.unit = to;
    else if (to < this.unit / 2 || to > 2 * this.unit) {
      this.unit = to;
      this.n = Math.min(this.n, 100);
      this.own = Math.min(this.own, 100);
    }
    return true;
  }

  floor({ phi }: Level): number {
    return Math.log(Math.min(1, 0.1 * 10 ** ((phi - 1) / 2)) / this.unit);
  }

  fall(level: Level, time: number): number {
    if (level !== this.timed) return 10 ** -level.phi;
    return Math.min(((this.wish ?? 0) * time) / 3.6e6, 0.5);
  }

  move(y: number, time: number, held: readonly boolean[] = []): void {
    this.levels.forEach((level, j) => {
      const p = 10 ** -level.phi;
      const lower = this.levels[j - 1];
      const upper = this.levels[j + 1];
      const eta = Math.min(Math.max(0.7 * (this.n * p) ** -0.75, 0.05), 0.7);
      const fall = this.fall(level, time);
      const late = y > level.q;
      if (late) {
        const lift = held[j] ? 0 : eta * (1 - fall);
        const q = level.q + (level.hit ? Math.min(lift, y - level.q) : lift);
        const seen = upper !== undefined && this.n * 10 ** -upper.phi >= 3 && y <= upper.q;
        const stays = upper !== undefined && held[j + 1] && y > upper.q;
        level.q = seen || stays ? Math.min(q, Math.max(level.q, upper.q - 0.002)) : q;
      } else level.q -= eta * fall;
      level.hit = late;
      level.q = Math.max(level.q, this.floor(level));
      if (lower === undefined) return;
      const most = level.phi > 5 ? 2 * (level.phi - lower.phi) : 1;
      if (this.n * p < 1) level.q = Math.min(level.q, lower.q + most);
      level.q = Math.max(level.q, lower.q + 0.002);
    });
  }

  silence(phi: number): number {
    const { m, unit, levels } = this;
    if (phi < 0.3) return (phi / 0.3) * m;
    if (phi < 1) return m + ((phi - 0.3) / 0.7) * unit * Math.exp(levels[0].q);
    const j = levels.findIndex((level) => level.phi > phi);
    if (j < 0) {
      return m + unit * Math.exp(levels[8].q + ((phi - levels[8].phi) * Math.LN10) / 4);
    }
    const [a, b] = [levels[j - 1], levels[j]];
    return m + unit * Math.exp(a.q + ((phi - a.phi) / (b.phi - a.phi)) * (b.q - a.q));
  }

  phi(silence: number): number {
    const { m, unit, levels } = this;
    if (silence <= m) return (0.3 * silence) / m;
    const points = levels.map(({ phi, q }) => [m + unit * Math.exp(q), phi]);
    if (silence <= points[0][0]) return 0.3 + (0.7 * (silence - m)) / (points[0][0] - m);
    const y = Math.log((silence - m) / unit);
    const j = levels.findIndex(({ q }) => y < q);
    if (j < 0) return levels[8].phi + ((y - levels[8].q) * 4) / Math.LN10;
    const [a, b] = [levels[j - 1], levels[j]];
    return a.phi + ((y - a.q) / (b.q - a.q)) * (b.phi - a.phi);
  }
}

/** A cohort once more: what its peers teach it, in cadences. */
export class CohortOracle extends LadderOracle {
  readonly credit: number[];

  /** The interval is what its peers expect, which a wish is turned into a threshold with. */
  constructor(interval: number, threshold?: number, wish?: number) {
    super(interval, threshold, wish);
    this.credit = this.levels.map(({ phi }) => 4 + 500 * 10 ** -phi);
  }

  override floor(): number {
    return -20;
  }

  hear(y: number, time: number): void {
    this.n++;
    const held = this.credit.map((left) => left < 1);
    this.move(y, time, held);
    this.levels.forEach((level, j) => {
      const p = 10 ** -level.phi;
      this.credit[j] = Math.min(this.credit[j] + 4 * this.fall(level, time), 4 + 500 * p);
      if (level.hit && this.credit[j] >= 1) this.credit[j]--;
    });
  }
}
