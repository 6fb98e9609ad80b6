/** Both signals of a Node process: a thread for the process, the main loop for the service. */
import { checkKeys, checkType } from '../../core/validate.js';
import { HeldLease } from './held-lease.js';
import { ProcessBeats } from './process-beats.js';

export interface NodeBeatsOptions {
  /** Told when a beat of the thread could not be sent. Default: a warning of the process. */
  onError?: (error: Error) => void;
}

/** The thread that beats beside a lease. */
export interface NodeBeats {
  /** Ends the thread; the lease beats on. */
  close(): Promise<void>;
}

/**
 * Beats for the process from a thread of its own, by signed datagrams, as long as `lease` is held;
 * the lease itself beats for the service, from the main loop. So a registry sees a process whose
 * main loop is blocked as a zombie, and one that is frozen or gone as dead.
 *
 * @throws TypeError for what is no lease; RegistryError if the registry listens to no datagrams
 */
export function beatFromNode(lease: HeldLease, options?: NodeBeatsOptions): NodeBeats {
  checkType('lease', 'a HeldLease', lease, lease instanceof HeldLease);
  const { onError = (error: Error) => process.emitWarning(error) } = checkKeys('options', options, [
    'onError',
  ]);
  checkType('onError', 'a function', onError, typeof onError === 'function');
  const { target, credentials } = lease.signing;
  const beats = new ProcessBeats(target, lease.heartbeatInterval, credentials, onError);
  const stop = new AbortController();
  const close = () => {
    stop.abort();
    return beats.close();
  };
  const { signal } = stop;
  const use = () => beats.use(lease.signing.credentials, lease.signing.target);
  lease.on('credentials', use, { signal });
  lease.ended.addEventListener('abort', () => void close(), { once: true, signal });
  if (lease.ended.aborted) void close();
  return { close };
}
