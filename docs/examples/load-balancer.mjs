/**
 * A reverse proxy in front of three HTTP servers, which are processes of their own. Under steady
 * load one of them is killed, and the requests that fail are counted: routed by φ, or by the
 * time-out of 5 s that everybody writes first; and each without and with reports of the requests
 * that fail.
 *
 *     npm install phi-accrual httpxy
 *     node load-balancer.mjs [requests a second] [seconds]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createProxyServer } from 'httpxy';
import { RegistryClient } from 'phi-accrual/registry';
import { startService } from 'phi-accrual/service';

const SERVICE = 'web';
const INTERVAL = 200;

/** One of the servers: it registers itself, and beats. */
async function serve(url) {
  const server = createServer((_request, response) => response.end(`${process.pid}\n`));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${server.address().port}`;
  const client = new RegistryClient({ url });
  const id = `web-${process.pid}`;
  await client.register({
    id,
    service: SERVICE,
    address,
    heartbeatInterval: INTERVAL,
    beat: 'udp',
  });
  process.once('disconnect', () => process.exit()); // ends with the balancer
}

/** Routed by φ: a list that follows the registry, from which whoever is suspected has gone. */
function byPhi({ client, reports }) {
  const list = client.follow(SERVICE);
  return {
    pick: () => list.pick(),
    failed: (id) => reports && client.reportFailure(id).catch(() => {}),
    close: () => list.close(),
  };
}

/**
 * Routed by a time-out: whoever beat within 5 s gets requests in turn; with reports, whoever failed
 * one gets no more until it beats again.
 */
function byTimeout({ registry, reports }) {
  const { service: detector } = registry.detectors;
  const lastBeat = (id) => detector.peer(id)?.lastHeartbeat ?? 0;
  const reported = new Map();
  let turn = 0;
  return {
    pick() {
      const alive = registry
        .instances(SERVICE)
        .filter(({ id }) => detector.now() - lastBeat(id) < 5000)
        .filter(({ id }) => !(lastBeat(id) <= reported.get(id)));
      return alive[turn++ % alive.length];
    },
    failed: (id) => reports && reported.set(id, detector.now()),
    close() {},
  };
}

/** The load: so many requests a second, whatever becomes of the earlier ones. */
async function load(url, perSecond, seconds, killAfter, kill) {
  const agent = new Agent({ keepAlive: true });
  const counts = { sent: 0, failed: 0, lastFailure: 0 };
  const pending = [];
  const start = performance.now();
  let killedAt = Infinity;
  while (performance.now() - start < seconds * 1000) {
    if (performance.now() - start > killAfter * 1000 && killedAt === Infinity) {
      kill();
      killedAt = performance.now();
    }
    const due = ((performance.now() - start) / 1000) * perSecond;
    for (; counts.sent < due; counts.sent++) {
      pending.push(
        new Promise((resolve) => {
          const fail = () => {
            counts.failed++;
            counts.lastFailure = Math.max(counts.lastFailure, performance.now() - killedAt);
            resolve();
          };
          get(url, { agent }, (response) => {
            response.resume().on('end', resolve);
            if (response.statusCode !== 200) fail();
          }).on('error', fail);
        }),
      );
    }
    await sleep(5);
  }
  await Promise.all(pending);
  agent.destroy();
  return counts;
}

async function trial(name, routing, reports, perSecond, seconds) {
  const service = await startService({ port: 0, udpPort: 0, registry: { warmUp: 0 } });
  const { registry } = service;
  const self = fileURLToPath(import.meta.url);
  const servers = [1, 2, 3].map(() => fork(self, ['serve', service.url]));
  while (registry.route(SERVICE).targets.length < 3) await sleep(20);

  const client = new RegistryClient({ url: service.url, onError: () => {} });
  const balancer = routing({ registry, client, reports });
  while (balancer.pick() === undefined) await sleep(20);
  const proxy = createProxyServer({});
  const front = createServer(async (request, response) => {
    const target = balancer.pick();
    try {
      await proxy.web(request, response, { target: `http://${target.address}` });
    } catch {
      if (target) balancer.failed(target.id);
      if (!response.headersSent) response.writeHead(502);
      response.end();
    }
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');

  const url = `http://127.0.0.1:${front.address().port}/`;
  const kill = () => servers[0].kill('SIGKILL');
  const { sent, failed, lastFailure } = await load(url, perSecond, seconds, seconds / 4, kill);
  const until = failed > 0 ? `, the last ${Math.round(lastFailure)} ms after the death` : '';
  console.log(`${name.padEnd(25)}: ${failed} of ${sent} requests failed${until}`);

  balancer.close();
  for (const server of servers) server.kill('SIGKILL');
  front.closeAllConnections();
  front.close();
  await service.close();
}

if (process.argv[2] === 'serve') await serve(process.argv[3]);
else {
  const [perSecond = 200, seconds = 10] = process.argv.slice(2).map(Number);
  await trial('φ, reports', byPhi, true, perSecond, seconds);
  await trial('time-out of 5 s', byTimeout, false, perSecond, seconds);
  await trial('time-out of 5 s, reports', byTimeout, true, perSecond, seconds);
  await trial('φ', byPhi, false, perSecond, seconds);
}
