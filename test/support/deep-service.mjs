/**
 * A service with a main loop, a database, a cache and a disk, that says how it is: run by
 * test/e2e/deep-checks.test.ts on the built package. Its first line is its port.
 */
import { createServer } from 'node:http';
import pg from 'pg';
import { createClient } from 'redis';
import {
  createHealth,
  diskCheck,
  eventLoopCheck,
  Producer,
  postgresCheck,
  redisCheck,
} from '../../dist/health.js';

const { POSTGRES, REDIS, DISK } = process.env;
const health = createHealth({ name: 'shop' });
const producer = new Producer();
const often = { interval: 100, timeout: 100, fall: 2, rise: 2 };

health.add('livez', 'event-loop', eventLoopCheck({ delay: 1500, utilization: 1, window: 100 }));
const main = health.loop('main', { heartbeatInterval: 50, acceptablePause: 500 });
let stuck = false;
setInterval(() => stuck || main.beat(), 50);

if (POSTGRES) {
  const pool = new pg.Pool({ host: '127.0.0.1', port: Number(POSTGRES), user: 'postgres', max: 2 });
  pool.on('error', () => {}); // an idle connection was cut: the next query opens another
  const check = postgresCheck(() => pool.query('SELECT 1'));
  health.add('readyz', 'database', producer.deepCheck(check, often), { critical: true });
}
if (REDIS) {
  const client = createClient({
    socket: { host: '127.0.0.1', port: Number(REDIS), reconnectStrategy: 50 },
    disableOfflineQueue: true,
  });
  client.on('error', () => {}); // it connects again by itself
  client.connect();
  // Not critical: without its cache the service is slower, and still there.
  health.add(
    'readyz',
    'cache',
    producer.deepCheck(
      redisCheck(() => client.ping()),
      often,
    ),
  );
}
if (DISK) {
  const check = diskCheck(DISK);
  health.add('readyz', 'disk', producer.deepCheck(check, often), { critical: true });
}

const server = createServer((request, response) => {
  health.handler(request, response, () => {
    const { pathname, searchParams } = new URL(request.url, 'http://x');
    if (pathname === '/stick') stuck = searchParams.get('on') === 'true';
    if (pathname === '/block') {
      const end = performance.now() + Number(searchParams.get('ms'));
      setImmediate(() => {
        while (performance.now() < end);
      });
    }
    response.end('ok');
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
