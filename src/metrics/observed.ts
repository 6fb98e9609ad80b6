/** What of a detector is used to observe it: its events, and what only reads. */
import type { FailureDetector } from '../core/detector.js';

/** Whose events are published. */
export type EventfulDetector<Id = string> = Pick<FailureDetector<Id>, 'on'>;

/** Whose metrics are collected. */
export type ObservedDetector<Id = string> = Pick<
  FailureDetector<Id>,
  'on' | 'size' | 'dropped' | 'now' | 'peers' | 'suspects' | 'status' | 'explain'
>;
