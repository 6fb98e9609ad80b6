/**
 * φ of z: the exact normal tail against the logistic approximation that Akka computes, where
 * thresholds lie, where healthy peers are, and where dead ones are.
 */
import { phiOfZ } from './lib/build.mjs';
import { reportParts } from './lib/parts.mjs';
import { uniform } from './lib/random.mjs';
import { compare, keep } from './lib/rounds.mjs';

function akkaPhi(y) {
  const e = Math.exp(-y * (1.5976 + 0.070566 * y * y));
  return y > 0 ? -Math.log10(e / (1 + e)) : -Math.log10(1 - 1 / (1 + e));
}

const ranges = {
  core: { from: -8, to: 8, atMost: 0.35 },
  healthy: { from: -37, to: -4, atMost: 1.1 },
  dead: { from: 9, to: 99, atMost: 0.8 },
};

await reportParts(import.meta.url, 'φ of z', ranges, async ({ from, to, atMost }, name) => {
  const zs = uniform(16_384, from, to);
  const operations = zs.length;
  const { ns, ratio } = await compare({
    exact: {
      operations,
      run() {
        let sum = 0;
        for (let i = 0; i < zs.length; i++) sum += phiOfZ(zs[i]);
        keep(sum);
      },
    },
    akka: {
      operations,
      run() {
        let sum = 0;
        for (let i = 0; i < zs.length; i++) sum += akkaPhi(zs[i]);
        keep(sum);
      },
    },
  });
  const where = `${name}, z in [${from}, ${to}]`;
  return [
    { what: `${where}: phiOfZ`, value: ns('exact'), unit: 'ns' },
    { what: `${where}: Akka's logistic`, value: ns('akka'), unit: 'ns' },
    { what: `${where}: ratio`, value: ratio('exact', 'akka'), unit: '×', atMost },
  ];
});
