/** What `phi-accrual run` is told. */
import type { RestartLimit } from './restart-policy.js';

export interface RunOptions {
  id?: string;
  interval: number;
  pause: number;
  delay: number;
  /** In seconds. */
  grace: number;
  restart: 'on-failure' | 'always' | 'never';
  maxRestarts?: RestartLimit;
  killGroup: boolean;
  http?: string;
  tcp?: string;
  registry?: string;
  service?: string;
  address?: string;
  /** In ms. */
  drain?: number;
  onFenced?: 'exit' | 'wait';
}

/** Exit codes of `run` itself, which are not those of the command. */
export const FENCED = 120;
export const GAVE_UP = 121;
