/**
 * Heartbeats from UDP datagrams into the detector, against a bare socket that parses the same
 * datagrams and looks the ids up; and into the registry's service, signed by UDP and by HTTP, against
 * a bare socket that checks the signature, and a bare server that parses the JSON: CPU time of the
 * consumer per heartbeat that arrived.
 */
import { fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { FailureDetector } from 'phi-accrual';
import { listenUdp } from 'phi-accrual/udp';
import { idsOf } from './lib/fleet.mjs';
import { reportParts } from './lib/parts.mjs';
import { smoke } from './lib/report.mjs';
import { median } from './lib/rounds.mjs';

const PEERS = smoke ? 300 : 10_000;
const ROUNDS = smoke ? 1 : 7;
const STRETCH = smoke ? 100 : 1500;
/** At which each instance of the service beats, in ms. */
const INTERVAL = 1000;
/** Until V8 has compiled what takes the heartbeats, in ms. */
const WARM_UP = 6000;
const SENDER = fileURLToPath(new URL('./lib/datagram-flood.mjs', import.meta.url));

/** Reads the wire form of docs/wire-format.md, and trusts it. */
function bare(socket, slots) {
  const last = new Float64Array(PEERS);
  const counts = { heartbeats: 0 };
  socket.on('message', (datagram) => {
    const now = performance.now();
    if (datagram[0] !== 0xcf || datagram[1] !== 0x86 || datagram[2] !== 1) return;
    let at = 4;
    for (let n = datagram[3]; n > 0; n--) {
      const end = at + 1 + datagram[at];
      const slot = slots.get(datagram.toString('utf8', at + 1, end));
      const sequence = datagram.readUIntBE(end + 6, 6);
      if (slot !== undefined && sequence > 0) last[slot] = now;
      counts.heartbeats++;
      at = end + 12;
    }
  });
  return counts;
}

async function cpuPerHeartbeat(heartbeats, port, batch, perSecond) {
  const sender = fork(SENDER, [port, PEERS, batch, perSecond]);
  await new Promise((resolve) => sender.once('spawn', resolve));
  const none = heartbeats();
  while (heartbeats() === none) await sleep(5);
  const before = heartbeats();
  const cpu = process.cpuUsage();
  await sleep(STRETCH);
  const { user, system } = process.cpuUsage(cpu);
  const arrived = heartbeats() - before;
  sender.disconnect();
  await new Promise((resolve) => sender.once('exit', resolve));
  return ((user + system) * 1000) / arrived;
}

async function ingest({ batch, perSecond, atMost }) {
  const ids = idsOf(PEERS);
  // Every peer beats at the sender's rate.
  const heartbeatInterval = (PEERS / (perSecond * batch)) * 1000;
  const detector = new FailureDetector({ heartbeatInterval });
  for (const id of ids) detector.watch(id);
  const listener = await listenUdp(detector, { port: 0 });
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  const counts = bare(socket, new Map(ids.map((id, slot) => [id, slot])));
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const seen = { detector: [], bare: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    const arrived = () => listener.stats.heartbeats;
    const ours = await cpuPerHeartbeat(arrived, listener.port, batch, perSecond);
    const { port } = socket.address();
    const theirs = await cpuPerHeartbeat(() => counts.heartbeats, port, batch, perSecond);
    if (round === 0 && !smoke) continue; // warms up
    seen.detector.push(ours);
    seen.bare.push(theirs);
  }
  await listener.close();
  socket.close();
  detector.close();
  const what = `${batch} heartbeat${batch === 1 ? '' : 's'} a datagram`;
  const ratio = median(seen.detector.map((ns, i) => ns / seen.bare[i]));
  return [
    { what: `${what}: CPU per heartbeat`, value: median(seen.detector), unit: 'ns' },
    { what: `${what}: bare socket that parses`, value: median(seen.bare), unit: 'ns' },
    { what: `${what}: ratio`, value: ratio, unit: '×', atMost },
  ];
}

/** Service and bare receiver, a process each, hear the same heartbeats at the same moments. */
async function serve({ way, peers, tick, what, bare: against, atMost }) {
  const open = (name, args = []) =>
    fork(fileURLToPath(new URL(`./lib/${name}.mjs`, import.meta.url)), args.map(String));
  const next = async (from) => (await once(from, 'message'))[0];
  const contestants = { service: open('registry-service'), bare: open('bare-receiver') };
  const { service, bare } = contestants;
  const [{ url, udpPort }, { url: bareUrl, udpPort: barePort }] = await Promise.all([
    next(service),
    next(bare),
  ]);
  const ask = (from, wish) => {
    from.send(wish);
    return next(from);
  };
  const args = [way, url, bareUrl, udpPort, barePort, peers, INTERVAL, tick];
  const flood = open('lease-flood', args);
  await ask(bare, await next(flood));
  flood.send('begin');
  await sleep(smoke ? 0 : WARM_UP);
  const seen = { service: [], bare: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const measure = () => Promise.all([ask(service, 'cpu'), ask(bare, 'cpu')]);
    const before = await measure();
    await sleep(STRETCH);
    const after = await measure();
    Object.keys(seen).forEach((name, i) => {
      const taken = after[i].heartbeats - before[i].heartbeats;
      seen[name].push(((after[i].cpu - before[i].cpu) * 1000) / taken);
    });
  }
  flood.disconnect();
  service.send('close');
  bare.send('close');
  await Promise.all([service, bare, flood].map((each) => each.exitCode ?? once(each, 'exit')));
  const ratio = median(seen.service.map((ns, i) => ns / seen.bare[i]));
  return [
    { what: `${what}: CPU of the service per heartbeat`, value: median(seen.service), unit: 'ns' },
    { what: `${what}: ${against}`, value: median(seen.bare), unit: 'ns' },
    { what: `${what}: ratio`, value: ratio, unit: '×', atMost },
  ];
}

const parts = {
  one: { batch: 1, perSecond: smoke ? 2000 : 30_000, atMost: 1.25 },
  thirty: { batch: 30, perSecond: smoke ? 500 : 10_000, atMost: 1.6 },
  signed: {
    way: 'udp',
    peers: smoke ? 300 : 10_000,
    tick: 2,
    what: 'signed, into the service',
    bare: 'bare socket that checks the signature',
    atMost: 1.5,
  },
  http: {
    way: 'http',
    peers: smoke ? 50 : 2000,
    tick: 5,
    what: 'HTTP, into the service',
    bare: 'bare server that parses the JSON',
    atMost: 1.3,
  },
};
await reportParts(import.meta.url, 'Ingest, 10,000 peers by UDP, 2,000 by HTTP', parts, (part) =>
  part.way ? serve(part) : ingest(part),
);
