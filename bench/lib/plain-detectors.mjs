/** Phi-accrual detectors as they are usually written, from the published formulas. */

function logisticPhi(silence, mean, stdDev) {
  const y = (silence - mean) / stdDev;
  const e = Math.exp(-y * (1.5976 + 0.070566 * y * y));
  return silence > mean ? -Math.log10(e / (1 + e)) : -Math.log10(1 - 1 / (1 + e));
}

/** As Akka's ports: an array of intervals, their running sum and sum of squares. */
export class PollingDetector {
  #intervals = [];
  #sum = 0;
  #squares = 0;
  #last;
  #size;
  #minStdDev;

  constructor(size, minStdDev = 10) {
    this.#size = size;
    this.#minStdDev = minStdDev;
  }

  heartbeat(at) {
    if (this.#last !== undefined) {
      const interval = at - this.#last;
      if (this.#intervals.length >= this.#size) {
        const dropped = this.#intervals.shift();
        this.#sum -= dropped;
        this.#squares -= dropped * dropped;
      }
      this.#intervals.push(interval);
      this.#sum += interval;
      this.#squares += interval * interval;
    }
    this.#last = at;
  }

  phi(at) {
    const n = this.#intervals.length;
    if (n === 0) return 0;
    const mean = this.#sum / n;
    const variance = this.#squares / n - mean * mean;
    return logisticPhi(at - this.#last, mean, Math.max(Math.sqrt(variance), this.#minStdDev));
  }
}

/** Keeps the intervals only; mean and σ are computed when φ is asked for. */
export class RecomputingDetector {
  #intervals = [];
  #last;
  #size;
  #minStdDev;

  constructor(size, minStdDev = 10) {
    this.#size = size;
    this.#minStdDev = minStdDev;
  }

  heartbeat(at) {
    if (this.#last !== undefined) {
      this.#intervals.push(at - this.#last);
      if (this.#intervals.length > this.#size) this.#intervals.shift();
    }
    this.#last = at;
  }

  phi(at) {
    const n = this.#intervals.length;
    if (n === 0) return 0;
    let sum = 0;
    for (const interval of this.#intervals) sum += interval;
    const mean = sum / n;
    let squares = 0;
    for (const interval of this.#intervals) squares += (interval - mean) ** 2;
    const stdDev = Math.max(Math.sqrt(squares / n), this.#minStdDev);
    return logisticPhi(at - this.#last, mean, stdDev);
  }
}
