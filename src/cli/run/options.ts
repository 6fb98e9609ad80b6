/** What `phi-accrual run` is told. */
export interface RunOptions {
  id?: string;
  interval: number;
  pause: number;
  delay: number;
  /** In seconds. */
  grace: number;
  restart: 'on-failure' | 'always' | 'never';
  http?: string;
  tcp?: string;
  registry?: string;
  service?: string;
  address?: string;
}
