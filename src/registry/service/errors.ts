/** What a request is refused with. */
import type { ContentfulStatusCode } from 'hono/utils/http-status';

/** Codes of errors, and the status that each comes with; clients go by the code. */
export const STATUS = {
  invalid: 400,
  'no-generation': 400,
  'no-token': 401,
  'wrong-token': 401,
  forbidden: 403,
  'wrong-secret': 403,
  'host-not-allowed': 403,
  'origin-not-allowed': 403,
  'not-found': 404,
  unknown: 404,
  'method-not-allowed': 405,
  timeout: 408,
  /** The client went before it had said all; nobody gets the answer. */
  aborted: 400,
  'stale-generation': 409,
  'id-in-use': 409,
  'too-large': 413,
  'media-type': 415,
  'rate-limited': 429,
  'headers-too-large': 431,
  internal: 500,
  full: 503,
  /** The registry started without knowledge, and a list would not be complete. */
  learning: 503,
  'too-many-streams': 503,
  /** Of one address; its connection is closed, and nobody gets the answer. */
  'too-many-connections': 503,
  'state-unwritable': 503,
  closing: 503,
} as const satisfies Record<string, ContentfulStatusCode>;

export type ErrorCode = keyof typeof STATUS;

/** Thrown by handlers; the client gets code and message, and nothing else. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.headers = headers;
  }

  get status(): ContentfulStatusCode {
    return STATUS[this.code];
  }
}

/** The body of an error. */
export const errorBody = (code: ErrorCode, message: string) => ({ error: { code, message } });

/** What a refused request gets, counted; `undefined` is what was not foreseen, of which it learns nothing. */
export function refusal(known: ServiceError | undefined, rejections: Rejections) {
  const { code, status, message, headers } =
    known ?? new ServiceError('internal', 'something failed here; the log says what');
  rejections.count(code);
  return { status, body: errorBody(code, message), headers: { ...headers } };
}

/** How many requests were refused, by code. */
export class Rejections {
  readonly #counts = new Map<ErrorCode, number>();

  count(code: ErrorCode): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  get counts(): Readonly<Partial<Record<ErrorCode, number>>> {
    return Object.fromEntries(this.#counts);
  }
}
