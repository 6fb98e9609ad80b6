/** Loops of heartbeats over one peer whose window is full. */
import { uniform } from './random.mjs';
import { smoke } from './report.mjs';
import { keep } from './rounds.mjs';

export const WINDOW = smoke ? 50 : 1000;
export const beats = smoke ? 200 : 4096;
export const intervals = uniform(beats, 900, 1100);
export const silences = uniform(beats, 500, 1500);

/**
 * Beats on and on, with a clock of its own, which never goes back.
 *
 * @param peer what has `heartbeat(at)` and `phi(at)`
 * @param readings whether φ is read after every heartbeat
 */
export function beating(peer, readings) {
  let now = 0;
  return () => {
    let at = +now; // a number beyond doubt, in a local: else it is boxed at each beat
    let sum = 0;
    for (let i = 0; i < beats; i++) {
      at += intervals[i];
      peer.heartbeat(at);
      if (readings) sum += peer.phi(at + silences[i]);
    }
    now = at;
    keep(sum);
  };
}
