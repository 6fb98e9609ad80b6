/**
 * The world around a registry, in a process of its own: instances that beat by UDP and by HTTP,
 * die and return, and watchers that each follow one service.
 */
import { createSocket } from 'node:dgram';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeBeat } from 'phi-accrual/udp';
import { seeded } from './random.mjs';

const [url, udpPort, byUdp, byHttp, watchers, interval, stretch, deathsPerSecond] = process.argv
  .slice(2)
  .map((text, i) => (i === 0 ? text : Number(text)));

const agent = new Agent({ keepAlive: true, maxSockets: 256, scheduling: 'fifo' });

function call(method, path, body, onSent = () => {}) {
  return new Promise((resolve, reject) => {
    const text = body && JSON.stringify(body);
    const headers = text
      ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
      : {};
    const sent = request(`${url}${path}`, { method, agent, headers }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (part) => {
        answer += part;
      });
      response.on('end', () => resolve({ status: response.statusCode, text: answer }));
    });
    sent.on('error', (error) => {
      // A connection that was kept alive may be closed just then: the next one is a new one.
      if (sent.reusedSocket && error.code === 'ECONNRESET') {
        call(method, path, body, onSent).then(resolve, reject);
      } else reject(error);
    });
    sent.on('finish', onSent);
    sent.end(text);
  });
}

/** Late beats are out of the verdict for so many intervals. */
const SLIPPED_FOR = 5;
/** So long the fleet beats before it counts, in intervals. */
const WARM_UP = 10;

/** Instances are spread over as many services as there are watchers. */
const serviceOf = (i) => `service-${i % watchers}`;
const random = seeded(11);
const total = byUdp + byHttp;
const nodes = Array.from({ length: total }, (_, i) => ({
  id: `node-${i}`,
  service: serviceOf(i),
  phase: random() * interval,
  sequence: 0,
  dead: false,
  diedAt: undefined,
  found: false,
  sentAt: Infinity,
  slippedAt: -Infinity,
  excused: false,
}));
const byId = new Map(nodes.map((node) => [node.id, node]));

/** Deaths and verdicts count from here on: what was learnt of a fleet before is little. */
let begun = false;
/** How late this process itself was with its heartbeats, in ms. */
const lag = { longest: 0, slipped: 0, excused: 0, lastAt: -Infinity };

const counts = { sent: 0, failed: 0, deaths: 0, returns: 0, found: 0, back: 0, wrong: 0 };
const counted = { before: 0, routed: 0, still: 0, late: 0, changes: 0, snapshots: 0 };
const delays = [];

async function register() {
  const waiting = [...nodes];
  const one = async () => {
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      const { id, service } = node;
      const wish = { id, service, address: `10.0.0.1:${id.slice(5)}`, heartbeatInterval: interval };
      const { status, text } = await call('POST', '/register', wish);
      if (status !== 201) throw new Error(`${id}: ${status} ${text}`);
      const { generation, secret, epoch } = JSON.parse(text);
      Object.assign(node, { generation, epoch, key: Buffer.from(secret, 'base64url'), secret });
    }
  };
  await Promise.all(Array.from({ length: 64 }, one));
}

const socket = createSocket({ type: 'udp4', sendBufferSize: 4 << 20 });
socket.on('error', () => {});
socket.on('message', () => {});

function beat(node, i) {
  const { id, generation, epoch, key, secret } = node;
  const sequence = ++node.sequence;
  counts.sent++;
  const onSent = () => {
    const now = performance.now();
    if (isOverdue(node, now)) node.slippedAt = now;
    node.sentAt = now;
  };
  if (i < byUdp) {
    const said = { signal: 'service', ready: true, ackWanted: false };
    const datagram = encodeBeat({ id, generation, sequence, epoch, ...said }, key);
    socket.send(datagram, udpPort, '127.0.0.1', onSent);
    return;
  }
  call('POST', `/heartbeat/${id}`, { generation, secret, sequence }, onSent).then(
    ({ status }) => {
      if (status !== 200) counts.failed++;
    },
    () => counts.failed++,
  );
}

/** A living node that was in truth silent for longer than that is no false alarm. */
const isOverdue = (node, now) => now - node.sentAt > 1.5 * interval;

/** Each in its own phase of the turn, as a fleet beats. */
function startBeating() {
  const order = nodes.map((_, i) => i).sort((a, b) => nodes[a].phase - nodes[b].phase);
  const start = performance.now();
  let turn = 0;
  let next = 0;
  return setInterval(() => {
    const elapsed = performance.now() - start;
    for (;;) {
      const node = nodes[order[next]];
      if (turn * interval + node.phase > elapsed) return;
      if (!node.dead) {
        const now = performance.now();
        const late = now - start - (turn * interval + node.phase);
        lag.longest = Math.max(lag.longest, late);
        if (late > interval / 2) {
          lag.slipped++;
          lag.lastAt = now;
        }
        beat(node, order[next]);
      }
      if (++next === order.length) {
        next = 0;
        turn++;
      }
    }
  }, 2);
}

async function checkRoute(node) {
  const { text } = await call('GET', `/services/${node.service}/route`);
  const routed = JSON.parse(text).targets.some(({ id }) => id === node.id);
  if (node.dead) counted[routed ? 'still' : 'routed']++;
}

function onChange({ instance, kind }) {
  counted.changes++;
  const node = byId.get(instance.id);
  if (kind !== 'status') return;
  if (instance.status === 'dead' || instance.status === 'zombie') {
    const now = performance.now();
    if (node.diedAt === undefined) {
      const slipped = isOverdue(node, now) || now - node.slippedAt < SLIPPED_FOR * interval;
      if (!begun) counted.before++;
      else if (slipped) lag.excused++;
      else counts.wrong++;
    } else if (!node.found) {
      node.found = true;
      counts.found++;
      delays.push(performance.now() - node.diedAt);
      void checkRoute(node);
    }
  } else if (instance.status === 'available' && node.found && !node.dead) {
    node.found = false;
    node.diedAt = undefined;
    counts.back++;
  } else if (instance.status === 'overloaded') counted.late++;
}

/** Server-sent events of one service. */
function watch(service) {
  return new Promise((resolve, reject) => {
    request(`${url}/events?service=${service}`, (response) => {
      let rest = '';
      response.setEncoding('utf8').on('data', (part) => {
        rest += part;
        const messages = rest.split('\n\n');
        rest = messages.pop();
        for (const message of messages) {
          const event = /^event: ?(.*)$/m.exec(message)?.[1];
          if (event === 'snapshot') counted.snapshots++;
          if (event === 'snapshot') resolve();
          if (event === 'change') onChange(JSON.parse(/^data: ?(.*)$/m.exec(message)[1]));
        }
      });
      response.on('end', () => reject(new Error('a watcher was cut off')));
    })
      .on('error', reject)
      .end();
  });
}

/** Dies for 5 to 10 intervals, and returns. */
async function dieAndReturn(node) {
  node.dead = true;
  node.diedAt = performance.now();
  counts.deaths++;
  await sleep(interval * (5 + 5 * random()));
  // A fleet that is late as a whole looks like a broken observer, and verdicts are held.
  node.excused = lag.lastAt >= node.diedAt;
  node.dead = false;
  node.sentAt = Infinity; // its silence was its death
  counts.returns++;
}

await register();
await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
await Promise.all(Array.from({ length: watchers }, (_, i) => watch(`service-${i}`)));
const beating = startBeating();
await sleep(WARM_UP * interval);
begun = true;
process.send({ event: 'begun' });
const sentBefore = counts.sent;
const ending = performance.now() + stretch;
const lives = [];
while (performance.now() < ending) {
  const node = nodes[Math.floor(random() * total)];
  if (node.diedAt === undefined) lives.push(dieAndReturn(node));
  await sleep(1000 / deathsPerSecond);
}
process.send({ event: 'ended', beats: counts.sent - sentBefore });
await Promise.all(lives);
await sleep(3 * interval);
const untold = nodes.filter(({ diedAt, found }) => diedAt !== undefined && !found);
const verdicts = {
  untold: untold.filter(({ excused }) => !excused).length,
  excusedDeaths: untold.filter(({ excused }) => excused).length,
  notBack: nodes.filter(({ found }) => found).length,
};
process.send({ event: 'told', ...verdicts, ...counts, ...counted, lag, delays });
process.once('disconnect', () => {
  clearInterval(beating);
  process.exit();
});
