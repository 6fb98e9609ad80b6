/** What `phi-accrual serve` is told. */
export interface ServeOptions {
  host: string;
  port: number;
  udpPort: number;
  udp: boolean;
  state?: string;
  tokens?: string;
  tlsCert?: string;
  tlsKey?: string;
  allowHost?: string[];
  allowOrigin?: string[];
  maxInstances: number;
  for?: number;
}
