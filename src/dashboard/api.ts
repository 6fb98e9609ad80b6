/** Requests to the service that the page came from, and what went wrong in words. */
import { fieldsOf, parse, textOf } from './messages.js';

/** An answer that is no success; `status` 0: there was no answer. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'Refused';
    this.status = status;
  }
}

const WORDS: Readonly<Record<number, string>> = {
  401: 'Sign in first.',
  403: 'This needs the token of an operator.',
  404: 'The registry does not know it (any more).',
  429: 'Too many requests: try again in a moment.',
};

/** In ms: a service that takes longer does not answer. */
const PATIENCE = 10_000;

/**
 * The JSON of an answer; `path` is relative to the page, so that a proxy may put both anywhere.
 *
 * @throws Refused, with words for the user
 */
export async function ask(path: string, method = 'GET', body?: unknown): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.timeout(PATIENCE),
    });
    text = await response.text();
  } catch (error) {
    const late = error instanceof DOMException && error.name === 'TimeoutError';
    throw new Refused(0, late ? 'No answer within 10 s.' : 'The registry cannot be reached.');
  }
  const answer = parse(text);
  if (response.ok) return answer;
  const said = textOf(fieldsOf(fieldsOf(answer)?.error)?.message);
  throw new Refused(
    response.status,
    said ?? WORDS[response.status] ?? `The registry answered with ${response.status}.`,
  );
}

export const instancePath = (id: string): string => `instances/${encodeURIComponent(id)}`;
