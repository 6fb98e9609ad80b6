/** What `phi-accrual run` is told. */
import type { RestartLimit } from './restart-policy.js';

/** When the command is suspected, ended and restarted. */
export interface Supervision {
  /** Times in ms. */
  interval: number;
  pause: number;
  delay: number;
  /** 0 for none. */
  startTimeout: number;
  /** In seconds. */
  grace: number;
  restart: 'on-failure' | 'always' | 'never';
  maxRestarts?: RestartLimit;
  service?: string;
}

export interface RunOptions extends Supervision {
  id?: string;
  killGroup: boolean;
  http?: string;
  tcp?: string;
  registry?: string;
  address?: string;
  /** In ms. */
  drain?: number;
  onFenced?: 'exit' | 'wait';
}

/** Exit codes of `run` itself, which are not those of the command. */
export const FENCED = 120;
export const GAVE_UP = 121;
