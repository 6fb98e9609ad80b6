/** The registration of the command at a registry that others are routed by. */
import { platform } from '../../core/host.js';
import {
  type HeldLease,
  type InstanceView,
  type RegistrationRequest,
  RegistryError,
} from '../../registry/index.js';
import { clientAt, registerAt } from '../registering.js';
import { sleep } from './waiting.js';

export interface ElsewhereOptions {
  readonly url: string;
  readonly request: Omit<RegistrationRequest, 'ready' | 'signal'>;
  readonly log: (line: string) => void;
  /** Whether it registers again once the id is free, after another has registered it. */
  readonly waits: boolean;
  /** Another has registered the id, and it does not wait. */
  readonly onFenced: () => void;
}

/** Between two tries to get an id, or a registration that was refused, in ms: half as much at least. */
const AGAIN = 2000;
/** For how long the registry may take to hear that the command wants no more traffic, in ms. */
const PATIENCE = 1000;

const ended = ({ ended: signal }: HeldLease): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

export class Elsewhere {
  readonly #options: ElsewhereOptions;
  readonly #stop = new AbortController();
  readonly #holding: Promise<void>;
  #lease: HeldLease | undefined;
  #isUp = false;
  #said: string | undefined;

  /** What is supervised starts whether or not anybody is there to know of it. @throws UsageError */
  constructor(options: ElsewhereOptions) {
    this.#options = options;
    clientAt(options.url);
    this.#holding = this.#hold();
  }

  async #hold(): Promise<void> {
    const { waits, onFenced } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const lease = await this.#register();
      if (lease === undefined) continue;
      this.#lease = lease;
      this.#say();
      await ended(lease);
      this.#lease = undefined;
      if (signal.aborted) return;
      if (!waits) return onFenced();
      await this.#whenFree();
    }
  }

  /** A lease; undefined after a refusal and a while: what it was refused for may be set right. */
  async #register(): Promise<HeldLease | undefined> {
    const { url, request, log } = this.#options;
    const { signal } = this.#stop;
    try {
      const lease = await registerAt(url, { ...request, ready: this.#isUp, signal }, log);
      this.#said = undefined;
      return lease;
    } catch (error) {
      if (signal.aborted) return undefined;
      this.#complain(`${(error as Error).message}; trying again`);
      await this.#pause();
      return undefined;
    }
  }

  /** Resolves once nobody who lives holds the id, as far as that may be asked here. */
  async #whenFree(): Promise<void> {
    const { url, request } = this.#options;
    const client = clientAt(url);
    const { signal } = this.#stop;
    while (!signal.aborted) {
      // At once it would be the one that replaces the other, if that has come but is not heard yet.
      await this.#pause();
      try {
        const { instance } = await client.instance(request.id);
        if ((instance as InstanceView).status === 'dead') return;
      } catch (error) {
        // A node's token may not read: then the registry decides, when it is asked for a lease.
        if (error instanceof RegistryError && [401, 403, 404].includes(error.status)) return;
      }
    }
  }

  #pause(): Promise<void> {
    return sleep(AGAIN * (0.5 + Math.random()), this.#stop.signal, platform);
  }

  #complain(message: string): void {
    if (this.#said !== message) this.#options.log(`${this.#options.url}: ${message}`);
    this.#said = message;
  }

  /** Whether the command may get traffic; the registry hears of a change at once. */
  set isUp(isUp: boolean) {
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    this.#say();
  }

  #say(): void {
    const lease = this.#lease?.ready(this.#isUp);
    // The first may be one that was under way already and says what was so before. What fails is an
    // event of the lease, and is said again with its next beat.
    lease
      ?.renew()
      .then(() => lease.renew())
      .catch(() => {});
  }

  /**
   * Takes the command out of the route, and waits until those who are routed by it know, for `ms`.
   * If the registry cannot be told, nobody would know later either, and it does not wait.
   */
  async drain(ms: number, signal: AbortSignal): Promise<void> {
    this.#isUp = false;
    const lease = this.#lease?.ready(false);
    if (lease === undefined) return;
    const told = lease.drain().then(
      () => true,
      (error: Error) => {
        this.#complain(error.message);
        return false;
      },
    );
    const isTold = await Promise.race([told, sleep(PATIENCE, signal, platform)]);
    if (isTold === true) await sleep(ms, signal, platform);
  }

  async close(): Promise<void> {
    await this.#lease?.deregister().catch((error: Error) => this.#complain(error.message));
    this.#stop.abort();
    await this.#holding;
  }
}
