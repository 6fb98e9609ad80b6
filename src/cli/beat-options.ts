/** What `phi-accrual beat` is told. */
export interface BeatOptions {
  id: string[];
  to?: string;
  registry?: string;
  service?: string;
  address?: string;
  by: 'udp' | 'http';
  interval: number;
  jitter: number;
  for?: number;
}
