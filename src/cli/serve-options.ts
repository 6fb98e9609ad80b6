/** What `phi-accrual serve` is told. */
import type { ServiceProbeOptions } from '../registry/service/index.js';

export interface ServeOptions {
  host: string;
  port: number;
  udpPort: number;
  udp: boolean;
  agentCheck?: number;
  state?: string;
  refuseDamagedState?: boolean;
  tokens?: string;
  tlsCert?: string;
  tlsKey?: string;
  allowHost?: string[];
  allowOrigin?: string[];
  maxInstances: number;
  probe?: ServiceProbeOptions;
  probeInterval?: number;
  probeAllow?: string[];
  drain: number;
  for?: number;
}
