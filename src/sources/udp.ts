/** phi-accrual/udp: heartbeats over UDP, a listener and a sender. */
export type { HeartbeatLink, HeartbeatSink, SourceInfo } from './heartbeat-sink.js';
export {
  listenUdp,
  type UdpListener,
  type UdpListenOptions,
  type UdpListenStats,
} from './udp-listener.js';
export { UdpSender, type UdpSendOptions } from './udp-sender.js';
export {
  ACK_STATUSES,
  type AckStatus,
  decodeAck,
  decodeBeat,
  encodeAck,
  encodeBeat,
  hasTagOf,
  keyOf,
  type SignedAck,
  type SignedBeat,
} from './udp-signed.js';
export {
  decodeFarewells,
  decodeHeartbeats,
  encodeFarewells,
  encodeHeartbeats,
  MAX_BATCH,
  MAX_ID_BYTES,
  MAX_NUMBER,
  type WireHeartbeat,
} from './udp-wire.js';
