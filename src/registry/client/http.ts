/** Requests to a registry: JSON both ways, a time-out for each, and one kind of error. */
import type { Host } from '../../core/host.js';
import { checkRange, checkType } from '../../core/validate.js';

/** The code of a registration whose id a living instance holds. */
export const IN_USE = 'id-in-use';

/** The registry refused, or could not be asked. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number;
  /** What the registry calls it; `'unreachable'`, `'timeout'`, `'bad-answer'` are our own. */
  readonly code: string;

  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }

  /**
   * Whether the same request may succeed later: no answer, an overload, the registry's fault, or an
   * id that somebody else holds for now.
   */
  get isTransient(): boolean {
    const { status, code } = this;
    return status === 0 || status >= 500 || [408, 425, 429].includes(status) || code === IN_USE;
  }
}

export type Fetch = typeof globalThis.fetch;

export interface Call {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** In ms. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

const object = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** What the registry said is wrong; what is not of its form is quoted by its status alone. */
async function refusal(response: Response, what: string): Promise<RegistryError> {
  const text = await response.text().catch(() => '');
  let said: Record<string, unknown> = {};
  try {
    said = object(object(JSON.parse(text)).error);
  } catch {
    // A proxy's page, say: its status tells enough.
  }
  const code = typeof said.code === 'string' ? said.code : `http-${response.status}`;
  const reason = typeof said.message === 'string' ? said.message : response.statusText;
  return new RegistryError(response.status, code, `${what}: ${response.status} ${reason}`.trim());
}

export class RegistryHttp {
  readonly #base: string;
  readonly #token: string | undefined;
  readonly #fetch: Fetch;
  readonly #host: Host;

  constructor(url: unknown, token: unknown, fetch: Fetch, host: Host) {
    checkType('url', 'an http(s) URL', url, typeof url === 'string' || url instanceof URL);
    const parsed = URL.canParse(String(url)) ? new URL(String(url)) : undefined;
    const fits =
      /^https?:$/.test(parsed?.protocol ?? '') &&
      `${parsed?.username}${parsed?.password}${parsed?.search}${parsed?.hash}` === '';
    // What does not fit may contain a password.
    const shown = parsed === undefined ? url : `${parsed.protocol}//${parsed.host}…`;
    checkRange('url', 'an http(s) URL without user, password, query or hash', shown, fits);
    checkType('token', 'a string', token, token === undefined || typeof token === 'string');
    this.#base = (parsed as URL).href.replace(/\/$/, '');
    this.#token = token as string | undefined;
    this.#fetch = fetch;
    this.#host = host;
  }

  /** The host of the URL, an IPv6 address without its brackets. */
  get hostname(): string {
    return new URL(this.#base).hostname.replace(/^\[|\]$/g, '');
  }

  /** The answer's JSON. @throws RegistryError; what `signal` was aborted with */
  async json(method: string, path: string, call: Call): Promise<Record<string, unknown>> {
    const aborter = new AbortController();
    const { timeout, signal } = call;
    const late = new RegistryError(0, 'timeout', `${method} ${path}: no answer in ${timeout} ms`);
    const timer = this.#host.setTimeout(() => aborter.abort(late), timeout);
    try {
      const response = await this.open(method, path, call, aborter);
      const text = await response.text();
      try {
        return object(JSON.parse(text));
      } catch (cause) {
        const message = `${method} ${path}: the answer is no JSON`;
        throw new RegistryError(response.status, 'bad-answer', message, { cause });
      }
    } catch (cause) {
      if (cause instanceof RegistryError) throw cause;
      signal?.throwIfAborted();
      aborter.signal.throwIfAborted();
      throw new RegistryError(0, 'unreachable', `${method} ${path}: ${reasonOf(cause)}`, { cause });
    } finally {
      this.#host.clearTimeout(timer);
      aborter.abort(); // it lets go of the caller's signal
    }
  }

  /** A response with its body still to come; `aborter` ends it, and so does the call's signal. */
  async open(
    method: string,
    path: string,
    call: Omit<Call, 'timeout'>,
    aborter: AbortController,
  ): Promise<Response> {
    const { body, headers, signal } = call;
    signal?.throwIfAborted();
    const abort = () => aborter.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    aborter.signal.addEventListener('abort', () => signal?.removeEventListener('abort', abort));
    const sent: Record<string, string> = { accept: 'application/json', ...headers };
    if (this.#token !== undefined) sent.authorization = `Bearer ${this.#token}`;
    if (method !== 'GET') sent['content-type'] = 'application/json';
    const response = await this.#fetch(this.#base + path, {
      method,
      headers: sent,
      body: method === 'GET' ? undefined : JSON.stringify(body ?? {}),
      // The token is for the registry, not for whom it points to.
      redirect: 'error',
      signal: aborter.signal,
    });
    if (!response.ok) throw await refusal(response, `${method} ${path}`);
    return response;
  }
}

/** Why `fetch` failed; it hides the system's error in `cause`. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { code?: string } };
  return cause?.code ?? message ?? String(error);
}
