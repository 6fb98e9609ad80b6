/** What the parts of the service share. */
import type { HttpBindings } from '@hono/node-server';
import type { RegistryLink } from '../beat.js';
import type { InstanceView } from '../instance.js';
import type { Registry } from '../registry.js';
import type { Askers } from './askers.js';
import type { Rejections } from './errors.js';
import type { EventStreams } from './event-streams.js';
import type { AllowedHosts } from './hosts.js';
import type { SignInRates } from './rates.js';
import type { Sessions } from './sessions.js';
import type { Grant, TokenCheck } from './tokens.js';

/** Nodes of a demonstration, for the buttons of the page. */
export interface DemoNodes {
  kill(id: string): boolean;
  freeze(id: string): boolean;
  resume(id: string): boolean;
  start(id: string): boolean;
}

export interface ServiceContext {
  readonly registry: Registry;
  /** Told from where an instance registers. @throws ServiceError if it could never be polled */
  readonly registersFrom: (
    about: Pick<InstanceView, 'id' | 'service' | 'address'>,
    address: string | undefined,
  ) => void;
  /** Somebody beats whom only a registry before this one can have known. */
  readonly onUnknownBeat: () => void;
  /** The way of heartbeats by HTTP. */
  readonly link: RegistryLink;
  /** Of this start of the registry: 16 hexadecimal digits. */
  readonly epoch: string;
  readonly tokens: TokenCheck;
  readonly sessions: Sessions;
  readonly guesses: SignInRates;
  readonly askers: Askers;
  readonly hosts: AllowedHosts;
  readonly rejections: Rejections;
  readonly streams: EventStreams;
  readonly maxBodyBytes: number;
  readonly secure: boolean;
  readonly demo: DemoNodes | undefined;
  readonly udpPort: () => number | null;
  /** Resolves once every change so far will survive a crash. @throws ServiceError if it may not */
  readonly durable: () => Promise<void>;
  /** @throws ServiceError if that could not be promised, before anything is changed */
  readonly writable: () => void;
  /** Files of the page by name. */
  readonly files: ReadonlyMap<string, { readonly type: string; readonly bytes: Uint8Array }>;
  readonly metrics: () => Promise<{ type: string; text: string }>;
  readonly probe: (request: Request) => Promise<Response>;
  /** Told of what ought not to happen. */
  readonly onError: (error: Error) => void;
}

/** Hono's types: what a request has with it. */
export interface Env {
  Bindings: Partial<HttpBindings>;
  Variables: {
    /** What its token or its session allows. */
    grant: Grant | undefined;
    /** The client's address; empty for a request without a socket. */
    address: string;
    /** The session by which it has its grant; undefined where that is by a token, or nobody needs one. */
    session: string | undefined;
  };
}
