/** A process that sends heartbeats of many peers to a port, in random order, at a steady rate. */
import { createSocket } from 'node:dgram';
import { encodeHeartbeats } from 'phi-accrual/udp';
import { shuffled } from './random.mjs';

const [port, peers, batch, perSecond] = process.argv.slice(2).map(Number);
const order = shuffled(peers);
const datagrams = [];
for (let i = 0; i + batch <= peers; i += batch) {
  const beats = Array.from(order.subarray(i, i + batch), (n) => ({
    id: `node-${n}.cluster.local`,
    incarnation: 1,
    sequence: 1,
  }));
  datagrams.push(encodeHeartbeats(beats));
}
const socket = createSocket('udp4');
socket.on('error', () => {});
const start = performance.now();
let sent = 0;
const timer = setInterval(() => {
  const due = ((performance.now() - start) / 1000) * perSecond;
  for (; sent < due; sent++) socket.send(datagrams[sent % datagrams.length], port, '127.0.0.1');
}, 2);
process.on('disconnect', () => {
  clearInterval(timer);
  socket.close();
});
