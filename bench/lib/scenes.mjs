/**
 * The networks of docs/choosing.md, and what to set for them. They are made up: medians and tails
 * follow recordings of such networks as far as there are any, and what is too rare for a recording
 * of an hour (full collections, lost routes, dead spots) is assumed. Times in ms.
 */
const NETWORKS = {
  /** A phone on 5G in a moving car: handovers, and dead spots after which the queue comes in a burst. */
  mobile: {
    delay: 14,
    hiccup: { median: 2, spread: 1 },
    jitter: [
      { share: 1, median: 4, spread: 0.7 },
      { share: 0.02, median: 30, spread: 0.5 },
    ],
    queued: [
      { perHour: 40, median: 180, spread: 0.5 },
      { perHour: 4, median: 700, spread: 0.7, most: 8000 },
    ],
    inOrder: true,
  },
  /** A LAN of few machines: jitter of µs, and the stalls of the sender itself. */
  quiet: {
    delay: 0.05,
    hiccup: { median: 0.05, spread: 0.8 },
    jitter: [
      { share: 1, median: 0.02, spread: 0.5 },
      { share: 0.001, median: 1.5, spread: 0.8 },
    ],
    pauses: [
      { perHour: 6, median: 15, spread: 0.8, most: 400 },
      { perHour: 0.1, median: 60, spread: 0.7, most: 400 },
    ],
  },
  /** A LAN of virtual machines: scheduling, young collections, and full ones of a second. */
  lan: {
    delay: 0.1,
    hiccup: { median: 0.15, spread: 0.7 },
    jitter: [
      { share: 1, median: 0.1, spread: 0.5 },
      { share: 0.02, median: 4, spread: 1 },
    ],
    loss: { good: 1e-5, bad: 0.5, goodFor: 86_400_000, badFor: 500 },
    pauses: [
      { perHour: 360, median: 25, spread: 0.8, most: 500 },
      { perHour: 0.3, median: 900, spread: 0.5, most: 5000 },
    ],
  },
  /** A path of 140 ms that is changed every half hour, with spikes, bursts of loss and lost routes. */
  internet: {
    delay: 140,
    hiccup: { median: 0.15, spread: 0.7 },
    jitter: [
      { share: 1, median: 3.2, spread: 0.85 },
      { share: 0.004, median: 60, spread: 0.8 },
    ],
    route: { every: 1_800_000, median: 8, spread: 1 },
    lost: [
      { perHour: 16, median: 650, spread: 0.4 },
      { perHour: 0.15, median: 4000, spread: 0.6, most: 30_000 },
    ],
    loss: { good: 0.0005, bad: 0.3, goodFor: 300_000, badFor: 1000 },
  },
  /** Low-power radio: retries of a second, loss in bursts, and places without reception. */
  radio: {
    delay: 200,
    hiccup: { median: 30, spread: 0.7 },
    jitter: [
      { share: 1, median: 70, spread: 0.7 },
      { share: 0.01, median: 1000, spread: 0.8 },
    ],
    loss: { good: 0.02, bad: 0.7, goodFor: 14_400_000, badFor: 90_000 },
    lost: [{ perHour: 1 / 24, median: 180_000, spread: 0.8, most: 3_600_000 }],
  },
};

const HOUR = { name: 'an hour', hours: 1 };
const TRADING_DAY = { name: 'a trading day', hours: 8 };
const WEEK = { name: 'a week', hours: 168 };

/**
 * `settings` is what is recommended, `others` what the other model does for
 * the same wish, found by trying, and `folklore` the time-out to compare with; `hours` is how much is
 * simulated: thrice the wish or more, as less shows nothing.
 */
export const SCENES = [
  {
    name: 'video',
    title: 'Video on mobile networks',
    wish: 'At most one wrong fail-over an hour and viewer: it costs a rebuffer.',
    per: HOUR,
    network: NETWORKS.mobile,
    hours: 48,
    settings: { heartbeatInterval: 100, maxMistakesPerHour: 0.5 },
    folklore: { ms: 300, of: '3 heartbeats' },
    others: [{ heartbeatInterval: 100, acceptablePause: 1500 }],
    why: 'Half the wish: the rate is kept on average, and this leaves room for bad luck.',
  },
  {
    name: 'trading',
    title: 'Trading on a quiet LAN',
    wish: 'At most one false alarm a trading day; a crash is to be known within a quarter of a second.',
    per: TRADING_DAY,
    network: NETWORKS.quiet,
    hours: 80,
    settings: { heartbeatInterval: 50, acceptablePause: 100 },
    folklore: { ms: 150, of: "3 heartbeats, BFD's usual" },
    others: [{ heartbeatInterval: 50, maxMistakesPerHour: 0.06 }],
    why: "One heartbeat in 600,000 is beyond φ = 5, where `'calibrated'` extrapolates; a stall of the sender can be allowed for.",
  },
  {
    name: 'cluster',
    title: 'Cluster with GC pauses',
    wish: 'At most one false alarm a week and pair; a few seconds are soon enough.',
    per: WEEK,
    network: NETWORKS.lan,
    hours: 24 * 30,
    settings: { heartbeatInterval: 1000, acceptablePause: 2000 },
    folklore: { ms: 10_000, of: '10 heartbeats' },
    others: [{ heartbeatInterval: 1000, maxMistakesPerHour: 0.003 }],
    why: 'The pause is the longest full collection that you expect: no window can learn what comes a few times a day.',
    recording: 'netns_clean_100ms',
  },
  {
    name: 'internet',
    title: 'Peers over the Internet',
    wish: 'At most one false alarm an hour.',
    per: HOUR,
    network: NETWORKS.internet,
    hours: 48,
    settings: { heartbeatInterval: 100, maxMistakesPerHour: 0.5 },
    folklore: { ms: 1000, of: '10 heartbeats' },
    others: [{ heartbeatInterval: 100, acceptablePause: 2000 }],
    why: 'Loss and lost routes make a tail that no σ describes: it is counted instead.',
    recording: 'netns_relay_wan_100ms',
  },
  {
    name: 'sensors',
    title: 'Sensors over radio',
    wish: 'At most one false alarm a week and device.',
    per: WEEK,
    network: NETWORKS.radio,
    hours: 24 * 365,
    settings: { heartbeatInterval: 30_000, maxMistakesPerHour: 0.003 },
    folklore: { ms: 45_000, of: "1.5 heartbeats, MQTT's" },
    others: [{ heartbeatInterval: 30_000, acceptablePause: 600_000 }],
    why: 'What detection takes is what the dead spots of this network ask for; `maxSilence` would cut it, and the wish.',
  },
];
