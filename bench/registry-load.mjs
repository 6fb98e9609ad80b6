/**
 * The registry as a service under load, for a minute: 10,000 instances that beat each second by
 * UDP and 1,000 by HTTP, 100 watchers, and a death a second, each with its return. Every death
 * must be told and be routed around, nobody else be taken out, and the heap stay flat.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { max, quantile } from 'simple-statistics';
import { report, smoke } from './lib/report.mjs';

const BY_UDP = smoke ? 200 : 10_000;
const BY_HTTP = smoke ? 20 : 1000;
const WATCHERS = smoke ? 5 : 100;
const INTERVAL = smoke ? 500 : 1000;
const STRETCH = smoke ? 2000 : 60_000;
const DEATHS_PER_SECOND = smoke ? 4 : 2;

const child = (name, args = []) =>
  fork(fileURLToPath(new URL(`./lib/${name}.mjs`, import.meta.url)), args.map(String));
const next = async (from) => (await once(from, 'message'))[0];

const service = child('registry-service');
const { url, udpPort } = await next(service);
const measure = () => {
  service.send('measure');
  return next(service);
};

const fleet = child('registry-fleet', [
  url,
  udpPort,
  BY_UDP,
  BY_HTTP,
  WATCHERS,
  INTERVAL,
  STRETCH,
  DEATHS_PER_SECOND,
]);
await next(fleet); // begun
const ended = next(fleet);
await sleep(STRETCH / 4); // what the beginning takes is no leak
const first = await measure();
await ended;
const last = await measure();
const told = await next(fleet);
fleet.disconnect();
service.send('close');
await once(service, 'exit');

/** NaN of none: a machine that is too busy for the smallest fleet finds no death in time. */
const delay = (of, ...rest) => (told.delays.length > 0 ? of(told.delays, ...rest) : Number.NaN);
const taken = last.heartbeats - first.heartbeats;
report(`The registry under load: ${BY_UDP + BY_HTTP} instances, ${WATCHERS} watchers`, [
  { what: 'heartbeats sent', value: told.sent, unit: 'count' },
  {
    what: 'heartbeats over HTTP that were not accepted',
    value: told.failed,
    unit: 'count',
    atMost: 0,
  },
  { what: 'deaths', value: told.deaths, unit: 'count' },
  { what: 'deaths not told', value: told.untold, unit: 'count', atMost: 0 },
  { what: 'dead, told, and still routed to', value: told.still, unit: 'count', atMost: 0 },
  { what: 'returns not told', value: told.notBack, unit: 'count', atMost: 0 },
  { what: 'living told to be dead', value: told.wrong, unit: 'count', atMost: 0 },
  { what: 'of them in the ten intervals before it counts', value: told.before, unit: 'count' },
  { what: 'told to be late (overloaded)', value: told.late, unit: 'count' },
  { what: 'datagrams lost unread', value: last.overflowed, unit: 'count', atMost: 0 },
  { what: 'the fleet itself: latest heartbeat sent', value: told.lag.longest, unit: 'ms' },
  { what: 'late by more than half an interval', value: told.lag.slipped, unit: 'count' },
  { what: 'deaths not told, while it was', value: told.excusedDeaths, unit: 'count' },
  { what: 'told to be dead within five intervals of that', value: told.lag.excused, unit: 'count' },
  { what: 'stalls of the service', value: last.stall.count, unit: 'count' },
  { what: 'stalls of the service, in all', value: last.stall.total, unit: 'ms' },
  { what: 'from death to its message, median', value: delay(quantile, 0.5), unit: 'ms' },
  { what: 'from death to its message, at most', value: delay(max), unit: 'ms' },
  {
    what: 'CPU of the service per heartbeat',
    value: ((last.cpu - first.cpu) / taken) * 1000,
    unit: 'µs',
  },
  { what: 'live data of the service', value: last.live, unit: 'MB' },
  {
    what: 'growth of it in three quarters of the time',
    value: last.live - first.live,
    unit: 'MB',
    atMost: 16,
  },
]);
