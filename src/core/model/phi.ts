/**
 * φ(z) = −log₁₀ Q(z), Q the upper tail of the standard normal distribution, and its inverse.
 *
 * With L = φ·ln 10 = −ln Q and the hazard h = L′ = pdf/Q, everything here rests on one equation,
 * h′ = h(h − z) (Riccati): it gives the Taylor coefficients of L about any centre from h there.
 */
import { checkRange } from '../validate.js';

const LN10 = Math.LN10;
const INV_LN10 = Math.LOG10E;
const HALF_INV_LN10 = 0.2171472409516259;
const SQRT_2PI = 2.5066282746310007;
const INV_SQRT_2PI = 0.3989422804014327;
const LN_SQRT_2PI = 0.9189385332046728;

/** Below this z the true φ is less than half the least double, and 0 is its correct rounding. */
const UNDERFLOW_Z = -38.4637454551;

/**
 * Mills' ratio (1 − Φ(z))/pdf(z) for z ≥ 8, as a rational function of w = z²: z·Mills tends to 1.
 * A (4,4) minimax fit in 1/w on [0, 1/64], relative error 3e-17; multiplied through by w⁴ it costs
 * one division. z is at most 1e30 here, so that w⁴ stays finite.
 */
function mills(z: number): number {
  const w = z * z;
  return (
    ((((w + 31.23478961422722) * w + 273.259195035789) * w + 678.6019593846038) * w +
      230.0268425959538) /
    (z *
      ((((w + 32.23478961422687) * w + 302.4939846506855) * w + 899.3915746970057) * w +
        600.4584941169336))
  );
}

const ROWS = 129;
const ROW = 12;

/**
 * One Taylor row of degree 11 for each centre c = −8, −7.875, …, 8, good for |z − c| ≤ 1/16.
 *
 * The centres are visited downwards from h(8), which the tail fit gives: a relative error r of h
 * obeys r′ = h·r, so going down damps it. Terms of degree 12 to 15 are folded into the lower ones
 * by Chebyshev economisation: cut off, they would cost 5e-13 near z = −8.
 */
function buildTable(): Float64Array {
  const table = new Float64Array(ROWS * ROW);
  const degree = 15;
  const a = new Float64Array(degree + 1);
  let hazard = 1 / mills(8);
  for (let row = ROWS - 1; row >= 0; row--) {
    const c = (row - 64) / 8;
    if (c >= 0) {
      a[0] = (c * c) / 2 + LN_SQRT_2PI + Math.log(hazard);
    } else {
      // Q(−c) from the mirror centre, whose hazard is a₁ of its row: no cancellation for φ ≪ 1.
      const density = INV_SQRT_2PI * Math.exp((-c * c) / 2);
      const lower = density / (table[(128 - row) * ROW + 1] * LN10);
      a[0] = -Math.log1p(-lower);
      hazard = density / (1 - lower);
    }
    a[1] = hazard;
    for (let i = 1; i < degree; i++) {
      let sum = -c * i * a[i] - (i - 1) * a[i - 1];
      for (let j = 1; j <= i; j++) sum += j * a[j] * (i + 1 - j) * a[i + 1 - j];
      a[i + 1] = sum / (i * (i + 1));
    }
    let next = 0; // h(c − 1/8) by the series of h = L′
    for (let i = degree; i >= 1; i--) next = next * -0.125 + i * a[i];
    hazard = next;
    for (let n = degree; n >= ROW; n--) {
      // Tₙ(16d)/2ⁿ⁻¹·16⁻ⁿ has leading term dⁿ and is small: subtract it, term by term.
      let share = a[n];
      for (let k = 1; 2 * k <= n; k++) {
        share *= -((n - 2 * k + 2) * (n - 2 * k + 1)) / (4 * k * (n - k) * 256);
        a[n - 2 * k] -= share;
      }
    }
    for (let i = 0; i < ROW; i++) table[row * ROW + i] = a[i] * INV_LN10;
  }
  return table;
}

const TABLE = /* @__PURE__ */ buildTable();

/**
 * φ(z) = −log₁₀ P(X > z) for X standard normal: the suspicion of a silence that is `z` standard
 * deviations longer than the mean.
 *
 * Relative error at most 1e-14 (7e-16 seen) wherever φ is a normal double; 0, never −0, where it
 * underflows (z < −38.46); `NaN` gives `NaN`, `Infinity` gives `Infinity`, `-Infinity` gives 0.
 */
export function phiOfZ(z: number): number {
  // Small enough to be inlined; the tails cost a logarithm or an exponential and live apart.
  if (!(z >= -8 && z < 8)) return z >= 8 ? phiOfUpperTail(z) : phiOfLowerTail(z);
  const t = TABLE;
  const k = (z * 8 + 64.5) | 0;
  const d = z - (k * 0.125 - 8); // exact
  const r = k * ROW;
  const d2 = d * d;
  const d4 = d2 * d2;
  return (
    t[r] +
    t[r + 1] * d +
    (t[r + 2] + t[r + 3] * d) * d2 +
    (t[r + 4] + t[r + 5] * d + (t[r + 6] + t[r + 7] * d) * d2) * d4 +
    (t[r + 8] + t[r + 9] * d + (t[r + 10] + t[r + 11] * d) * d2) * (d4 * d4)
  );
}

/**
 * φ = (z²/2 + ln(z√2π) − ln(z·Mills))/ln 10 for z ≥ 8. The last term is a series in w = 1/z² (fit of
 * degree 8 on [0, 1/64], error 7e-15), so that nothing waits for the logarithm: 0.8 of the time
 * that it takes by way of {@link mills}.
 */
function phiOfUpperTail(z: number): number {
  const w = 1 / (z * z);
  const w2 = w * w;
  const rest =
    0.4342944819027128 -
    1.0857362003333113 * w +
    (5.3562925987182926 -
      38.323344806635916 * w +
      (353.65228212241834 -
        3877.202609212569 * w +
        (43012.09378817219 - 318610.4081950812 * w) * w2) *
        w2) *
      w2;
  // z·(z·c) rather than (z²)·c: z² would overflow a factor 2 before φ does.
  return z * (z * HALF_INV_LN10) + Math.log(z * SQRT_2PI) * INV_LN10 + w * rest;
}

/** e⁻ⁱ for i = 0 … 684, then e^(−k/64) for k = 0 … 64. */
const FINE = 685;
const EXP = /* @__PURE__ */ Float64Array.from({ length: FINE + 65 }, (_, i) =>
  Math.exp(i < FINE ? -i : (FINE - i) / 64),
);

/** φ = Q(|z|)/ln 10 to the last bit, for z < −8. */
function phiOfLowerTail(z: number): number {
  if (!(z > -37)) return phiOfLeast(z);
  // z²/2 = x + rest exactly (squares of 24 bits are exact): the rounding of z² would be 6e-14 of φ.
  const high = Math.fround(z);
  const x = high * high * 0.5;
  const rest = 0.5 * (z - high) * (z + high);
  // exp(−x − rest) by table: Math.exp, a call out of V8, would make this 1.5 times as slow.
  const i = x | 0;
  const k = ((x - i) * 64 + 0.5) | 0;
  const d = k / 64 - (x - i) - rest; // |d| ≤ 1/128: the first term left out is 3e-16
  const d2 = d * d;
  const tail = EXP[FINE + k] * (1 + d + d2 * (1 / 2 + d / 6 + d2 * (1 / 24 + d / 120)));
  return EXP[i] * tail * (INV_SQRT_2PI * INV_LN10 * mills(-z));
}

/** Where exp(−z²/2) would be subnormal the exponent is shifted, and the last product rounds once. */
function phiOfLeast(z: number): number {
  if (z < UNDERFLOW_Z) return 0;
  if (!(z < -8)) return z; // NaN
  // z² = square + rest exactly (Veltkamp, Dekker).
  const c = 134217729 * z;
  const high = c - (c - z);
  const low = z - high;
  const square = z * z;
  const rest = high * high - square + 2 * high * low + low * low;
  const scale = INV_SQRT_2PI * INV_LN10 * (1 - 0.5 * rest) * mills(-z);
  return Math.exp(64 - square / 2) * scale * 1.603810890548638e-28;
}

const PHI_AT_8 = 15.206149;
const PHI_AT_MINUS_8 = 2.701e-16;

/**
 * The inverse of {@link phiOfZ}: how many standard deviations beyond the mean a silence must be
 * for its suspicion to be `phi`. Error at most 2e-15·max(1, |z|) (6e-16 seen).
 *
 * @throws RangeError unless 0 < phi ≤ 1e300
 */
export function zOfPhi(phi: number): number {
  const inRange = typeof phi === 'number' && phi > 0 && phi <= 1e300;
  checkRange('phi', 'a number above 0, at most 1e300', phi, inRange);
  // y = −ln of the smaller tail. Q(t) < exp(−t²/2) puts √(2y) outside of the root, whence Newton
  // comes down without overshooting: −ln Q is convex, ln φ below the mean concave.
  const upper = phi >= 0.3010299956639812;
  const y = upper ? phi * LN10 : -Math.log(phi) - Math.log(LN10);
  let t = Math.sqrt(2 * y);
  if (t > 1e30) return t; // the correction is below half an ulp
  for (let i = 0; i < 8; i++) {
    if (phi > PHI_AT_8 || phi < PHI_AT_MINUS_8) {
      const ratio = mills(t);
      t -= (t * t * 0.5 - Math.log(INV_SQRT_2PI * ratio) - y) * ratio;
    } else {
      const here = phiOfZ(upper ? t : -t);
      const slope = INV_SQRT_2PI * INV_LN10 * Math.exp(here * LN10 - t * t * 0.5);
      t -= (upper ? here - phi : here * Math.log(phi / here)) / slope;
    }
  }
  return upper ? t : -t;
}
