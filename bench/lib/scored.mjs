/** Detectors on one trace: detection time, and the rate of mistakes with its limits. */
import { PhiAccrualDetector } from 'phi-accrual';
import { fixedTimeout, rateInterval, replay } from 'phi-accrual/lab';

const BLOCKS = 20;

/** Makes the detectors of settings for {@link PhiAccrualDetector}, or of a time-out in ms. */
const makerOf = (settings) =>
  typeof settings === 'number' ? fixedTimeout(settings) : () => new PhiAccrualDetector(settings);

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
        heartbeat: (at, info) => {
          if (at > due) counts[Math.floor(beats / size)]++;
          beats++;
          detector.heartbeat(at, info);
          due = detector.suspectAt();
        },
        suspectAt: () => due,
      };
    },
  });
  const { low, high } = rateInterval(counts, score.mistakes, score.hours);
  return { score, low, high };
}
