/** Detectors on one trace: detection time, and the rate of mistakes with its limits. */
import { PhiAccrualDetector } from 'phi-accrual';
import { fixedTimeout, replay } from 'phi-accrual/lab';
import { mean, variance } from 'simple-statistics';

const BLOCKS = 20;
/** 95 % of a normal distribution are below. */
const Z = 1.645;

/** Makes the detectors of settings for {@link PhiAccrualDetector}, or of a time-out in ms. */
const makerOf = (settings) =>
  typeof settings === 'number' ? fixedTimeout(settings) : () => new PhiAccrualDetector(settings);

/**
 * The rates that the number of mistakes leaves possible: the true one is below `high` with 95 %, and
 * above `low` with 95 %. Limits of Garwood for a Poisson count, approximated as Wilson and Hilferty
 * do, and widened as far as mistakes come in clusters: as `tune` does it.
 */
function limits(counts, mistakes, hours) {
  const clustered = mistakes > 0 ? Math.max(variance(counts) / mean(counts), 1) : 1;
  const n = mistakes / clustered;
  const cube = (k, z) => k * (1 - 1 / (9 * k) + z / (3 * Math.sqrt(k))) ** 3;
  const low = n === 0 ? 0 : Math.max(cube(n, -Z), 0);
  const high = n === 0 ? -Math.log(0.05) : cube(n + 1, Z);
  return { low: (low * clustered) / hours, high: (high * clustered) / hours };
}

/** @returns `{ score, low, high }`, the latter two in mistakes an hour */
export async function scored(trace, heartbeatInterval, settings) {
  const make = makerOf(settings);
  const counts = new Array(BLOCKS).fill(0);
  const size = Math.ceil(trace.heartbeats / BLOCKS);
  let beats = 0;
  const score = await replay(trace, {
    heartbeatInterval,
    detector: (context) => {
      const detector = make(context);
      let due = Infinity;
      return {
        heartbeat: (at, evidence) => {
          if (at > due) counts[Math.floor(beats / size)]++;
          beats++;
          detector.heartbeat(at, evidence);
          due = detector.suspectAt();
        },
        suspectAt: () => due,
      };
    },
  });
  return { score, ...limits(counts, score.mistakes, score.hours) };
}
