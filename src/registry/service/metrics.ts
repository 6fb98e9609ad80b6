/** What /metrics shows: both detectors, the registry, and the service around it. */
import type { Health } from '../../health/index.js';
import { collectHealth } from '../../metrics/collect-health.js';
import { collectMetrics } from '../../metrics/collect-metrics.js';
import { emptyRegistry, type Figure, registerFigures } from '../../metrics/figures.js';
import type { Registry } from '../registry.js';
import type { Datagrams } from './datagrams.js';
import type { Rejections } from './errors.js';
import type { EventStreams } from './event-streams.js';
import type { Probing } from './probing.js';
import { servicesOf } from './service-series.js';
import type { State } from './state/state.js';

export interface MetricsSources {
  readonly registry: Registry;
  readonly streams: EventStreams;
  readonly rejections: Rejections;
  readonly health: Health;
  readonly datagrams: () => Datagrams | undefined;
  readonly state: () => State | undefined;
  /** Undefined where nobody is polled: counters of it would be 0 for ever. */
  readonly probing: (() => Probing | undefined) | undefined;
  readonly damage: () => number;
  /** Each signal has so many instances with series of their own, and so many services have. */
  readonly maxSeries: number;
}

const PREFIX = 'phi_accrual_registry_';

const one = (name: string, help: string, value: () => number | undefined): Figure => ({
  name: PREFIX + name,
  help,
  read: (add) => {
    const read = value();
    if (read !== undefined) add(read);
  },
});

/** One series for each key of what is read. */
const each = (
  name: string,
  help: string,
  label: string,
  values: () => Readonly<Record<string, number | undefined>>,
): Figure => ({
  name: PREFIX + name,
  help,
  labels: [label],
  read: (add) => {
    for (const [key, value = 0] of Object.entries(values())) add(value, { [label]: key });
  },
});

/** The prober: its targets, and what became of its polls. */
function pollFigures(probing: MetricsSources['probing']): Figure[] {
  if (probing === undefined) return [];
  return [
    one('poll_targets', 'Instances that are polled.', () => probing()?.stats.targets),
    one(
      'poll_targets_refused',
      'Instances whose address can never be polled.',
      () => probing()?.stats.unpollable,
    ),
    one('polls_running', 'Polls that run.', () => probing()?.stats.running),
    one('polls_waiting', 'Polls that wait for a place.', () => probing()?.stats.waiting),
    each('polls_total', 'Polls by outcome; unreached is a failure of our own.', 'outcome', () => {
      const stats = probing()?.stats;
      return stats === undefined
        ? {}
        : { answered: stats.answered, failed: stats.failed, unreached: stats.unreached };
    }),
    one(
      'poll_registrations_refused_total',
      'Registrations refused, as their address could never be polled.',
      () => probing()?.stats.registrationsRefused,
    ),
  ];
}

/** Requests of restarts, counted from now on. */
function restartFigure(registry: Registry): Figure {
  const counts = { dead: 0, zombie: 0 };
  registry.on('restart-needed', ({ cause }) => {
    counts[cause]++;
  });
  return each('restarts_needed_total', 'Restarts asked for, by cause.', 'cause', () => counts);
}

function figures(sources: MetricsSources): Figure[] {
  const { registry, streams, rejections, datagrams, state, damage, probing, maxSeries } = sources;
  return [
    ...servicesOf(registry, PREFIX, maxSeries),
    one('heartbeats_total', 'Heartbeats that counted.', () => registry.stats.heartbeats),
    restartFigure(registry),
    ...pollFigures(probing),
    one('revision', 'Changes of any instance so far.', () => registry.revision),
    each('dropped_total', 'Heartbeats that were not accepted.', 'reason', () => registry.dropped),
    {
      name: `${PREFIX}protection_active`,
      help: '1 while a rule of protection is in force, else 0.',
      labels: ['rule'],
      read: (add) => {
        const { massSilence, panic, removal, outliers, links, learning } = registry.protection;
        add(Number(massSilence.active), { rule: 'mass-silence' });
        add(Number(panic.length > 0), { rule: 'panic' });
        add(Number(removal.frozen), { rule: 'removal' });
        add(Number(outliers.some(({ out }) => out.length > 0)), { rule: 'outliers' });
        add(Number(links.down > 0), { rule: 'links' });
        add(Number(learning), { rule: 'learning' });
      },
    },
    each('http_rejections_total', 'Requests refused, by code.', 'code', () => rejections.counts),
    one('event_streams', 'Readers of /events.', () => streams.size),
    one(
      'event_streams_cut_total',
      'Readers that were too slow, or had more than their share.',
      () => streams.cutOff,
    ),
    one('datagrams_total', 'Datagrams received.', () => datagrams()?.stats.datagrams),
    one('datagram_errors_total', 'Errors of the UDP socket.', () => datagrams()?.stats.errors),
    one('datagrams_overflowed_total', 'Datagrams lost unread, for want of room.', () => {
      return datagrams()?.stats.overflowed;
    }),
    one('datagram_socket_down', '1 while the UDP socket is dead.', () => {
      const socket = datagrams();
      return socket && Number(socket.down);
    }),
    each('datagrams_dropped_total', 'Datagrams not taken.', 'reason', () => ({
      ...datagrams()?.stats.dropped,
    })),
    one('state_fault', '1 while the state cannot be written.', () => {
      const kept = state();
      return kept && Number(kept.fault !== undefined);
    }),
    one('state_faults_total', 'Errors on writing the state.', () => state()?.figures.faults),
    one(
      'state_damage',
      'Places of the state that could not be used at the start.',
      () => state() && damage(),
    ),
    one('state_checkpoints_total', 'Checkpoints written.', () => state()?.figures.checkpoints),
    one('state_lines_total', 'Changes noted in the journal.', () => state()?.figures.lines),
  ];
}

/** The text of a scrape, whenever it is asked for. */
export function createMetrics(
  sources: MetricsSources,
): () => Promise<{ type: string; text: string }> {
  const metrics = emptyRegistry();
  const { maxSeries, registry } = sources;
  for (const name of ['service', 'process'] as const) {
    collectMetrics(registry.detectors[name], { registry: metrics, name, maxSeries });
  }
  // The service has no `/health`: counters of it would be 0 for ever.
  collectHealth({ readings: () => sources.health.readings() }, { registry: metrics });
  registerFigures(metrics, figures(sources));
  return async () => ({ type: metrics.contentType, text: await metrics.metrics() });
}
