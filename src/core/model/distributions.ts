/**
 * From mean and standard deviation of the inter-arrival times to φ of a silence, and back.
 *
 * These models are location-scale families: the silence at which φ reaches a level is a fixed
 * combination of mean and σ, worked out once per level. A heartbeat then costs two products to
 * know its peer's next deadline, whatever the model.
 */
import { phiOfZ, zOfPhi } from './phi.js';

/** `silence = perMean · mean + perStdDev · σ` is the silence at which φ reaches a level. */
export interface Reach {
  readonly perMean: number;
  readonly perStdDev: number;
}

/** A distribution of inter-arrival times that is given by its mean and standard deviation. */
export interface ArrivalModel {
  /** φ of a silence of `elapsed` ms: ≥ 0 and, for σ > 0 and mean > 0, finite below 1e150 σ. */
  phi(elapsed: number, mean: number, stdDev: number): number;
  /** Where φ reaches `phi`; the inverse of {@link ArrivalModel.phi} in its first argument. */
  reach(phi: number): Reach;
}

const INV_LN10 = Math.LOG10E;

/** Exact normal tail, φ = −log₁₀(1 − Φ(z)), z = (elapsed − mean)/σ (Hayashibara et al. 2004). */
const normal: ArrivalModel = {
  phi: (elapsed, mean, stdDev) => phiOfZ((elapsed - mean) / stdDev),
  reach: (phi) => ({ perMean: 1, perStdDev: zOfPhi(phi) }),
};

const LINEAR = 1.5976;
const CUBIC = 0.070566;

/**
 * Akka's logistic approximation of the normal tail, digit for digit where Akka's is finite
 * (y < 21.59) and continued by its own asymptote w/ln 10 where Akka returns Infinity.
 */
const logistic: ArrivalModel = {
  phi(elapsed, mean, stdDev) {
    const y = (elapsed - mean) / stdDev;
    const w = y * (LINEAR + CUBIC * y * y);
    const e = Math.exp(-w);
    if (!(elapsed > mean)) return -Math.log10(1 - 1 / (1 + e)) + 0; // + 0: never −0
    return e > 0 ? -Math.log10(e / (1 + e)) : w * INV_LN10;
  },
  reach(phi) {
    zOfPhi(phi); // the same domain, the same RangeError
    // φ·ln 10 = ln(1 + eʷ); then y(1.5976 + 0.070566y²) = w by Newton, from outside of the root.
    const v = phi * Math.LN10;
    const w = v + Math.log(-Math.expm1(-v));
    let y = Math.cbrt(w / CUBIC);
    for (let i = 0; i < 9; i++) y = (2 * CUBIC * y * y * y + w) / (LINEAR + 3 * CUBIC * y * y);
    return { perMean: 1, perStdDev: y };
  },
};

/** Cassandra's exponential model, φ = elapsed/(mean·ln 10); σ plays no part. */
const exponential: ArrivalModel = {
  phi: (elapsed, mean) => (elapsed > 0 ? (elapsed / mean) * INV_LN10 : 0),
  reach(phi) {
    zOfPhi(phi);
    return { perMean: phi * Math.LN10, perStdDev: 0 };
  },
};

/** The models that share the window of inter-arrival times. */
export const arrivalModels = { normal, logistic, exponential } as const;

/** The name of a model, as option `model` takes it. */
export type ModelName = keyof typeof arrivalModels | 'calibrated';

export const modelNames: readonly ModelName[] = ['normal', 'logistic', 'exponential', 'calibrated'];
