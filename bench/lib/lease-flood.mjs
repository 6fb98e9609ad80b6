/**
 * A process with many leases at a registry, which sends each of their heartbeats twice, at the same
 * moment: to the registry, and to a bare receiver. Signed datagrams, or requests over a connection
 * that each lease keeps.
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { encodeBeat } from 'phi-accrual/udp';

const [way, url, bareUrl, ...numbers] = process.argv.slice(2);
const [udpPort, bareUdpPort, peers, interval, tick] = numbers.map(Number);

async function register(i) {
  const response = await fetch(`${url}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      id: `node-${i}.cluster.local`,
      service: `service-${i % 100}`,
      address: `10.0.0.1:${i}`,
      heartbeatInterval: interval,
    }),
  });
  if (response.status !== 201) throw new Error(`node-${i}: ${response.status}`);
  const { id, generation, secret, epoch, ttl } = await response.json();
  return { id, generation, secret, epoch, ttl };
}

const leases = [];
for (let i = 0; i < peers; i += 50) {
  const some = Array.from({ length: Math.min(50, peers - i) }, (_, k) => register(i + k));
  leases.push(...(await Promise.all(some)));
}

async function byUdp() {
  const socket = createSocket({ type: 'udp4', sendBufferSize: 4 << 20 });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const keys = leases.map(({ secret }) => Buffer.from(secret, 'base64url'));
  return (i, sequence) => {
    const { id, generation, epoch } = leases[i];
    const beat = { id, generation, sequence, epoch, signal: 'service' };
    const datagram = encodeBeat({ ...beat, ready: true, ackWanted: false }, keys[i]);
    socket.send(datagram, udpPort, '127.0.0.1');
    socket.send(datagram, bareUdpPort, '127.0.0.1');
  };
}

/** The connection of a lease is opened by its first heartbeat. */
function byHttp() {
  const open = (to, i) => {
    const { port, hostname } = new URL(to);
    return connect(Number(port), hostname)
      .setNoDelay()
      .on('error', () => connections[i]?.splice(0).map((each) => each.destroy())) // the next heartbeat opens another one
      .on('data', (bytes) => {
        if (bytes[9] !== 0x32) throw new Error(bytes.toString()); // no 2xx
      });
  };
  const { host } = new URL(url);
  const connections = [];
  return (i, sequence) => {
    const { id, generation, secret } = leases[i];
    const body = JSON.stringify({ generation, secret, sequence });
    const text =
      `POST /heartbeat/${id} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    if (!connections[i]?.length) connections[i] = [open(url, i), open(bareUrl, i)];
    for (const socket of connections[i]) socket.write(text);
  };
}

const send = way === 'udp' ? await byUdp() : byHttp();
process.send({ leases });
await new Promise((resolve) => process.once('message', resolve)); // the bare receiver knows them
const start = performance.now();
let sent = 0;
setInterval(() => {
  const due = ((performance.now() - start) / interval) * peers;
  for (; sent < due; sent++) send(sent % peers, Math.floor(sent / peers));
}, tick);
process.on('disconnect', () => process.exit());
