/** What /metrics shows: both detectors, the registry, and the service around it. */
import type { Health } from '../../health/index.js';
import { collectHealth } from '../../metrics/collect-health.js';
import { collectMetrics } from '../../metrics/collect-metrics.js';
import { emptyRegistry, type Figure, registerFigures } from '../../metrics/figures.js';
import type { Registry } from '../registry.js';
import type { Datagrams } from './datagrams.js';
import type { Rejections } from './errors.js';
import type { EventStreams } from './event-streams.js';
import type { State } from './state/state.js';

export interface MetricsSources {
  readonly registry: Registry;
  readonly streams: EventStreams;
  readonly rejections: Rejections;
  readonly health: Health;
  readonly datagrams: () => Datagrams | undefined;
  readonly state: () => State | undefined;
  readonly damage: () => number;
  /** Each signal has so many instances with series of their own. */
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

function figures(sources: MetricsSources): Figure[] {
  const { registry, streams, rejections, datagrams, state, damage } = sources;
  return [
    {
      name: `${PREFIX}instances`,
      help: 'Instances by service and status.',
      labels: ['service', 'status'],
      read: (add) => {
        const counts = new Map<string, Map<string, number>>();
        for (const { service, status } of registry.instances()) {
          const of = counts.get(service) ?? new Map<string, number>();
          counts.set(service, of.set(status, (of.get(status) ?? 0) + 1));
        }
        for (const [service, of] of counts) {
          for (const [status, count] of of) add(count, { service, status });
        }
      },
    },
    one('revision', 'Changes of any instance so far.', () => registry.revision),
    each('dropped_total', 'Heartbeats that were not accepted.', 'reason', () => registry.dropped),
    {
      name: `${PREFIX}protection_active`,
      help: '1 while a rule of protection is in force, else 0.',
      labels: ['rule'],
      read: (add) => {
        const { massSilence, panic, removal } = registry.protection;
        add(Number(massSilence.active), { rule: 'mass-silence' });
        add(Number(panic.length > 0), { rule: 'panic' });
        add(Number(removal.frozen), { rule: 'removal' });
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
