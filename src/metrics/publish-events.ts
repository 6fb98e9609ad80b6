/** A detector's events on channels of node:diagnostics_channel. */
import { type Channel, channel } from 'node:diagnostics_channel';
import type { ListenerError } from '../core/emitter.js';
import { checkType } from '../core/validate.js';
import { type Observation, observation } from './observation.js';
import type { EventfulDetector } from './observed.js';

const EVENTS = [
  'suspect',
  'available',
  'left',
  'refused',
  'level',
  'late',
  'stall',
  'clock-step',
  'mass-silence',
] as const;

/** What the channels carry: the event's payload, and whose it is. */
export type Published<Payload extends object, Detector = unknown> = Payload & {
  readonly detector: Detector;
};

/**
 * Publishes each event of a detector on channel `phi-accrual:` and its name, from now on. The
 * message is the event's payload with one more property, `detector`, in an object of its own.
 *
 * Channels do not tell when somebody subscribes, so the detector's events are listened to all the
 * time. Without a subscriber an event costs a call and a comparison, and no message is made.
 */
export function publishEvents<Id>(detector: EventfulDetector<Id>): Observation {
  const isDetector = typeof detector?.on === 'function';
  checkType('detector', 'a FailureDetector', detector, isDetector);
  const listening = new AbortController();
  const errors = channel('phi-accrual:error');
  let hearing: AbortController | undefined;

  const publish = (to: Channel, payload: object) => {
    if (to.hasSubscribers) to.publish({ detector, ...payload });
  };

  const stopHearing = () => {
    hearing?.abort();
    hearing = undefined;
  };

  const hear = (payload: ListenerError) => {
    if (errors.hasSubscribers) return publish(errors, payload);
    // The last subscriber has gone: print what the detector would have printed, were we not here.
    console.error(`phi-accrual: a listener of '${payload.event}' threw:`, payload.error);
    // Not at once: errors that are on their way already would meet nobody.
    queueMicrotask(stopHearing);
  };

  /**
   * A listener of `error` keeps the detector from printing what its listeners throw, so ours comes
   * with the first subscriber. Errors come from listeners: every event is a time to look.
   */
  const hearErrors = () => {
    if (hearing !== undefined || !errors.hasSubscribers) return;
    hearing = new AbortController();
    detector.on('error', hear, { signal: hearing.signal });
  };

  for (const event of EVENTS) {
    const to = channel(`phi-accrual:${event}`);
    const listener = (payload: object) => {
      hearErrors();
      publish(to, payload);
    };
    detector.on(event, listener, { signal: listening.signal });
  }
  hearErrors();
  return observation(() => {
    listening.abort();
    stopHearing();
  });
}
