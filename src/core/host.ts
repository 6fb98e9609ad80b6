/** Where a detector's time and timers come from: the platform, or a world of the caller's own. */

/** A time, and timers that go by it; `setImmediate` comes after input that waits was read. */
export interface Timers {
  setTimeout(call: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  setImmediate?(call: () => void): unknown;
}

export interface Host extends Required<Timers> {
  now(): number;
  /** The wall clock, which goes on while a machine sleeps; that of the caller's clock, if it has one. */
  wall?(): number;
}

type Refable = { ref?: () => void; unref?: () => void } | undefined;

/** No timer of ours keeps a process alive; browsers' timers are numbers. */
function unref<T>(timer: T): T {
  (timer as Refable)?.unref?.();
  return timer;
}

/** But one whose end somebody awaits: a process that ended before it would leave them unanswered. */
export function ref<T>(timer: T): T {
  (timer as Refable)?.ref?.();
  return timer;
}

/** The platform's timers, looked up when they are used: tests replace them. */
export const platform: Required<Timers> = {
  setTimeout: (call, ms) => unref(setTimeout(call, ms)),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  // Not unreferenced: Node would then wait for input before it calls.
  setImmediate: (call) =>
    typeof setImmediate === 'function' ? setImmediate(call) : setTimeout(call, 0),
};
