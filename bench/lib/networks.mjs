/**
 * Heartbeats over a network that is made up, as a trace: for wishes so rare that no recording is
 * long enough. The same seed gives the same trace.
 */
import { seeded } from './random.mjs';

const HOUR = 3_600_000;

/** Random numbers of the kinds that networks are made of. */
class Chance {
  #uniform;

  constructor(seed) {
    // Neighbouring seeds would begin alike.
    this.#uniform = seeded(Math.imul(seed, 0x9e3779b1) ^ 0x2545f491);
    for (let i = 0; i < 16; i++) this.#uniform();
  }

  happens(probability) {
    return this.#uniform() < probability;
  }

  exponential(mean) {
    return -mean * Math.log(1 - this.#uniform());
  }

  normal() {
    const radius = Math.sqrt(-2 * Math.log(1 - this.#uniform()));
    return radius * Math.cos(2 * Math.PI * this.#uniform());
  }

  /** Log-normal: half of them are below `median`, the tail is heavier the larger `spread`. */
  skewed({ median, spread, most = Infinity }) {
    return Math.min(median * Math.exp(spread * this.normal()), most);
  }
}

/** Spans of time that come at random, one after the other; asked in the order of time. */
class Spans {
  #chance;
  #kind;
  from = Infinity;
  to = -Infinity;

  /** @param kind `{ perHour, median, spread, most }`, lengths in ms */
  constructor(chance, kind) {
    this.#chance = chance;
    this.#kind = kind;
    this.#next(0);
  }

  /** Whether `at` is in a span. */
  covers(at) {
    while (at >= this.to) this.#next(this.to);
    return at >= this.from;
  }

  #next(after) {
    this.from = after + this.#chance.exponential(HOUR / this.#kind.perHour);
    this.to = this.from + this.#chance.skewed(this.#kind);
  }
}

/** Gilbert and Elliott's channel: a good and a bad mood, each with its own loss. */
class Channel {
  #chance;
  #loss;
  #bad = false;
  #until = 0;

  /** @param loss `{ good, bad }` shares lost, `{ goodFor, badFor }` mean ms */
  constructor(chance, loss) {
    this.#chance = chance;
    this.#loss = loss;
    this.#until = chance.exponential(loss.goodFor);
  }

  loses(at) {
    const { good, bad, goodFor, badFor } = this.#loss;
    while (at >= this.#until) {
      this.#bad = !this.#bad;
      this.#until += this.#chance.exponential(this.#bad ? badFor : goodFor);
    }
    return this.#chance.happens(this.#bad ? bad : good);
  }
}

/** Delays: kinds of jitter by their share, on a base that routes and cells change. */
class Delays {
  #chance;
  #network;
  #base = 0;
  #until = 0;

  constructor(chance, network) {
    this.#chance = chance;
    this.#network = network;
  }

  next(at) {
    const { delay, jitter, route } = this.#network;
    while (route !== undefined && at >= this.#until) {
      this.#base = this.#chance.skewed(route);
      this.#until += route.regular ? route.every : this.#chance.exponential(route.every);
    }
    let sum = delay + this.#base;
    for (const kind of jitter)
      if (this.#chance.happens(kind.share)) sum += this.#chance.skewed(kind);
    return sum;
  }
}

/**
 * A trace of one sender.
 *
 * @param network `{ delay, jitter, hiccup, route, loss, pauses, lost, queued, inOrder }`: what
 * happens to a heartbeat; see networks in scenes.mjs
 */
export function traceOf(network, interval, hours, seed) {
  const chance = new Chance(seed);
  const spans = (kinds = []) => kinds.map((kind) => new Spans(chance, kind));
  const pauses = spans(network.pauses);
  const lost = spans(network.lost);
  const queued = spans(network.queued);
  const channel = network.loss && new Channel(chance, network.loss);
  const delays = new Delays(chance, network);
  const size = Math.ceil((hours * HOUR) / interval);
  const sendMs = new Float64Array(size);
  const recvMs = new Float64Array(size);
  let heartbeats = 0;
  let last = 0;
  for (let tick = 0; tick < size; tick++) {
    let at = tick * interval;
    if (network.hiccup) at += chance.skewed(network.hiccup);
    for (const pause of pauses) if (pause.covers(at)) at = pause.to;
    // A sender that was stopped sends once when it goes on, not all that it missed.
    if (heartbeats > 0 && at <= sendMs[heartbeats - 1]) continue;
    let received = at + delays.next(at);
    for (const outage of queued) if (outage.covers(at)) received += outage.to - at;
    if (network.inOrder) received = last = Math.max(received, last);
    const gone = lost.some((outage) => outage.covers(at)) || channel?.loses(at);
    sendMs[heartbeats] = at;
    recvMs[heartbeats++] = gone ? Number.NaN : received;
  }
  const seq = Float64Array.from({ length: heartbeats }, (_, i) => i);
  const session = {
    session: String(seed),
    heartbeats,
    seq,
    sendMs: sendMs.subarray(0, heartbeats),
    recvMs: recvMs.subarray(0, heartbeats),
  };
  return { sessions: [session], heartbeats, truncated: false };
}
