/**
 * What a service that takes heartbeats cannot leave out, in a process of its own: a socket that
 * checks the signature of each datagram, and a server that parses the JSON of each request. It knows
 * the keys of the leases, keeps when each was heard, and tells what that cost when it is asked.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';

const TAG = 16;
const leases = new Map();
let heartbeats = 0;

const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
socket.on('message', (datagram) => {
  if (datagram[0] !== 0xcf || datagram[1] !== 0x86 || datagram[2] !== 2) return;
  const end = 6 + datagram[5];
  const lease = leases.get(datagram.toString('utf8', 6, end));
  if (lease === undefined) return;
  const signed = datagram.length - TAG;
  const tag = createHmac('sha256', lease.key).update(datagram.subarray(0, signed)).digest();
  if (!timingSafeEqual(tag.subarray(0, TAG), datagram.subarray(signed))) return;
  if (datagram.readUIntBE(end, 6) !== lease.generation) return;
  const sequence = datagram.readUIntBE(end + 6, 6);
  if (sequence <= lease.sequence) return;
  lease.sequence = sequence;
  lease.at = performance.now();
  heartbeats++;
});

const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const { generation, secret, sequence } = JSON.parse(Buffer.concat(parts).toString());
    const lease = leases.get(request.url.slice('/heartbeat/'.length));
    if (lease?.generation === generation && secret === lease.secret && sequence > lease.sequence) {
      lease.sequence = sequence;
      lease.at = performance.now();
      heartbeats++;
    }
    const text = JSON.stringify({ status: 'accepted', ttl: lease.ttl, epoch: lease.epoch });
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  });
});

server.keepAliveTimeout = 15_000; // as the service

process.on('message', (wish) => {
  if (wish === 'close') process.exit();
  if (wish.leases) {
    for (const lease of wish.leases) {
      const key = Buffer.from(lease.secret, 'base64url');
      leases.set(lease.id, { ...lease, key, sequence: -1, at: -Infinity });
    }
  }
  const { user, system } = process.cpuUsage();
  process.send({ cpu: user + system, heartbeats });
});
await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address();
process.send({ url: `http://127.0.0.1:${port}`, udpPort: socket.address().port });
