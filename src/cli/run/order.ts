/** What the supervisor tells the process that it starts. */
import type { Credentials } from '../../registry/client/signed-beats.js';

/** The variable of the environment in which it stands, as JSON. */
export const ORDER = 'PHI_ACCRUAL_RUN';

export interface RunOrder {
  /** The supervisor: grandchildren, which inherit the variable, have another parent. */
  readonly parent: number;
  readonly credentials: Credentials;
  /** Of the loopback address, UDP. */
  readonly port: number;
  readonly interval: number;
  /** Whether the main loop beats for the service. */
  readonly loop: boolean;
  /** NODE_OPTIONS as it was without us. */
  readonly nodeOptions: string | undefined;
}
