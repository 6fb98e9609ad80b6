/**
 * A million peers, one heartbeat a second, for ten simulated minutes at full speed and for one
 * real minute; in each minute 1 % of them die for a while and return. Every death must be found
 * once, every return be said once, nobody else be suspected, and memory not drift.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FailureDetector } from 'phi-accrual';
import { liveBytes } from './lib/heap.mjs';
import { reportParts } from './lib/parts.mjs';
import { seeded } from './lib/random.mjs';
import { smoke } from './lib/report.mjs';
import { keep } from './lib/rounds.mjs';

const PEERS = smoke ? 2000 : 1_000_000;
const INTERVAL = smoke ? 20 : 1000;
const MINUTE = 60 * INTERVAL;
const MINUTES = smoke ? 1 : 10;
const REAL = 1;
/** Dead from a tenth to half of a minute: longer than it takes to be found. */
const [SHORTEST, LONGEST] = [0.1, 0.5];
const SHARE = 0.01;
const SLICES = 100;

/** Watches that deaths and returns are said once each, and of nobody else. */
class Witness {
  found = 0;
  returned = 0;
  wrong = 0;
  #said;

  constructor(detector, dead) {
    this.#said = new Uint8Array(PEERS);
    detector.on('suspect', ({ peer }) => {
      if (dead[peer] === 0 || this.#said[peer] === 1) this.wrong++;
      else this.found++;
      this.#said[peer] = 1;
    });
    detector.on('available', ({ peer }) => {
      if (this.#said[peer] === 0) this.wrong++;
      else this.returned++;
      this.#said[peer] = 0;
    });
  }

  rows(what, deaths) {
    return [
      { what: `${what}: deaths`, value: deaths, unit: 'count' },
      {
        what: `${what}: deaths not found once`,
        value: deaths - this.found,
        unit: 'count',
        atMost: 0,
      },
      {
        what: `${what}: returns not said once`,
        value: deaths - this.returned,
        unit: 'count',
        atMost: 0,
      },
      { what: `${what}: false events`, value: this.wrong, unit: 'count', atMost: 0 },
    ];
  }
}

/** Who is dead, and until when. */
class Population {
  deaths = 0;
  dead = new Uint8Array(PEERS);
  #until = new Float64Array(PEERS);
  #victims = [];
  #random = seeded();

  /** Chooses who dies in the minute from `start`, each at a moment of its own. */
  plan(start) {
    const chosen = new Set();
    while (chosen.size < PEERS * SHARE) chosen.add(Math.floor(this.#random() * PEERS));
    for (const i of chosen) {
      const from = start + this.#random() * MINUTE * 0.3;
      const length = MINUTE * (SHORTEST + this.#random() * (LONGEST - SHORTEST));
      this.#victims.push({ i, from, to: from + length });
    }
    this.#victims.sort((a, b) => b.from - a.from);
  }

  strike(now) {
    while (this.#victims.length > 0 && this.#victims.at(-1).from <= now) {
      const { i, to } = this.#victims.pop();
      this.dead[i] = 1;
      this.#until[i] = to;
      this.deaths++;
    }
  }

  /** Whether the peer beats at `at`; from its return on it lives. */
  beats(i, at) {
    if (this.dead[i] === 0) return true;
    if (at < this.#until[i]) return false;
    this.dead[i] = 0;
    return true;
  }
}

/** One turn of all peers, cut into slices; each beats `jitter[i]` after its turn at the latest. */
function* turns(handles, population, jitter) {
  const perSlice = PEERS / SLICES;
  for (let slice = 0; slice < SLICES; slice++) {
    const now = yield slice / SLICES;
    population.strike(now);
    for (let i = slice * perSlice; i < (slice + 1) * perSlice; i++) {
      const at = now + jitter[i % jitter.length];
      if (population.beats(i, at)) handles[i].heartbeat(at);
    }
  }
}

async function soak(what, minutes, options, pace) {
  const detector = new FailureDetector({
    heartbeatInterval: INTERVAL,
    ...options,
  });
  const population = new Population();
  const witness = new Witness(detector, population.dead);
  const handles = Array.from({ length: PEERS }, (_, i) => detector.watch(i));
  const jitter = Float64Array.from({ length: 4093 }, seeded(7)).map((x) => x * INTERVAL * 0.005);
  const start = detector.now();
  let first;
  const total = Math.max(Math.round(minutes * 60), 1);
  for (let turn = 0; turn < total; turn++) {
    if (turn % 60 === 0) population.plan(start + turn * INTERVAL);
    const beats = turns(handles, population, jitter);
    beats.next();
    for (let slice = 0; slice < SLICES; slice++) {
      beats.next(await pace(start + (turn + slice / SLICES) * INTERVAL, detector));
    }
    // Once the windows are full nothing should grow any more.
    if (turn === Math.floor(total / 2)) first = liveBytes();
  }
  const drift = (liveBytes() - first) / 2 ** 20;
  keep(handles); // till now: their release would hide a leak
  detector.close();
  return [
    ...witness.rows(what, population.deaths),
    { what: `${what}: growth of memory in the second half`, value: drift, unit: 'MB', atMost: 8 },
  ];
}

async function simulated() {
  let now = 0;
  const clock = () => now;
  // Windows that are full by half-time: what grows after it is a leak.
  const options = { windowSize: 100, timers: false, clock };
  return soak(`${MINUTES} simulated minutes`, MINUTES, options, (at, detector) => {
    now = at;
    detector.advance();
    return at;
  });
}

async function real() {
  // A heartbeat counts from when it comes, however late its sender is.
  return soak('a real minute', REAL, { windowSize: 20 }, async (at, detector) => {
    while (detector.now() < at) await sleep(1);
    return detector.now();
  });
}

const title = `Soak: ${PEERS.toLocaleString('en')} peers`;
await reportParts(import.meta.url, title, { simulated, real }, (part) => part());
