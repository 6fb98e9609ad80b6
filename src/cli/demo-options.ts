/** What `phi-accrual demo` is asked for. */

export interface DemoOptions {
  nodes: number;
  interval: number;
  port?: number;
  script: boolean;
  for?: number;
}

/** What its keys do, in one line. */
export const KEYS = ' 1–9 node · k kill · f freeze 3 s · r restart · q quit';
