/** The metrics, one line each: name, meaning, and how a scrape gets their samples. */
import type { PeerReading, Reading } from './detector-view.js';

/** Labels beside `detector`. */
export type Labels = Readonly<Record<string, string>>;

/** A metric, of which there are many series. */
export interface Family {
  /**
   * Follows the prefix. By Prometheus' convention counters end in `_total`, and only they do; by
   * ours, metrics with label `peer`, to which `maxSeries` applies, begin with `peer_`.
   */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  sample(reading: Reading, add: (value: number | undefined, labels?: Labels) => void): void;
}

const SECOND = 1000;

/** A metric of the detector as a whole. */
const one = (name: string, help: string, value: (reading: Reading) => number): Family => ({
  name,
  help,
  labels: [],
  sample: (reading, add) => add(value(reading)),
});

/** A metric of each peer; undefined for a series that is left out. */
const each = (
  name: string,
  help: string,
  value: (facts: PeerReading['facts']) => number | undefined,
): Family => ({
  name,
  help,
  labels: ['peer'],
  sample({ shown }, add) {
    for (const { peer, facts } of shown) add(value(facts), { peer });
  },
});

const EVENTS = ['suspect', 'available'] as const;

export const families: readonly Family[] = [
  one('peers', 'Watched peers.', ({ peers }) => peers),
  one('suspects', 'Suspected peers.', ({ suspects }) => suspects),
  one(
    'omitted_peers',
    'Watched peers without series of their own, by maxSeries.',
    ({ peers, shown }) => peers - shown.length,
  ),
  each('peer_phi', 'Suspicion level of the peer.', ({ phi }) => phi),
  each(
    'peer_silence_seconds',
    'Since the last heartbeat of the peer, or since its watch began.',
    // A heartbeat's time may lie ahead of the clock.
    ({ silence }) => silence && Math.max(0, silence) / SECOND,
  ),
  each('peer_suspect', '1 while the peer is suspected, else 0.', ({ status }) =>
    Number(status === 'suspect'),
  ),
  {
    name: 'peer_transitions_total',
    help: 'Times at which the peer became suspect, and available again.',
    labels: ['peer', 'event'],
    sample({ shown }, add) {
      for (const { peer, transitions } of shown) {
        for (const event of EVENTS) add(transitions[event], { peer, event });
      }
    },
  },
  each('peer_restarts_total', 'New incarnations of the peer.', ({ restarts }) => restarts),
  each('peer_flaps', 'Returns of the peer from suspicion of late.', ({ flaps }) => flaps),
  each(
    'peer_heartbeat_loss_ratio',
    'Share that was lost of the numbered heartbeats of the peer, of about the last thousand.',
    ({ loss }) => (loss.received > 0 ? loss.rate : undefined),
  ),
  {
    name: 'transitions_total',
    help: 'Times at which any peer became suspect, and available again.',
    labels: ['event'],
    sample({ transitions }, add) {
      for (const event of EVENTS) add(transitions[event], { event });
    },
  },
  one('left_total', 'Peers that left on purpose.', ({ left }) => left),
  one(
    'refused_total',
    'Suspected peers that were heard, but what they say is refused.',
    ({ refused }) => refused,
  ),
  {
    name: 'dropped_total',
    help: 'Heartbeats that were not accepted, and watches refused.',
    labels: ['reason'],
    sample({ dropped }, add) {
      for (const reason of Object.keys(dropped)) add(dropped[reason], { reason });
    },
  },
  one('stalls_total', 'Stalls of the observing process.', ({ stalls }) => stalls),
  one(
    'stall_seconds_total',
    'How long the observing process was stalled, in all.',
    ({ stalled }) => stalled / SECOND,
  ),
  one(
    'clock_steps_total',
    'Times at which the clock of the detector was set.',
    ({ clockSteps }) => clockSteps,
  ),
  one('mass_silences_total', 'Mass silences begun.', ({ massSilences }) => massSilences),
  one('mass_silence_active', '1 during a mass silence, else 0.', ({ massSilence }) =>
    Number(massSilence),
  ),
];
