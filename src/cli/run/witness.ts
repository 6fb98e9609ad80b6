/**
 * A member of the same service: this process itself. Where one is alone and falls silent, everybody
 * is down, which speaks against the observer, and for no restart; that it hears itself says that it
 * is not the observer.
 */
import type { Registry } from '../../registry/index.js';
import { type TurnHost, Turns } from '../../sources/turns.js';

const ID = '(supervisor)';

/** Registers it as an instance of `service`, and beats for it until the turns are closed. */
export function witness(
  registry: Registry,
  service: string,
  interval: number,
  host: TurnHost,
): Turns {
  const { generation } = registry.register({ id: ID, service, address: '-' });
  const turns = new Turns(() => void registry.heartbeat(ID, { generation }), { interval, host });
  turns.start();
  return turns;
}
