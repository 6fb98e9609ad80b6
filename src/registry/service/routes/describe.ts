/** What the definitions of routes have in common. */
import type { z } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import type { Env } from '../context.js';
import { type ErrorCode, STATUS } from '../errors.js';
import { only } from '../guard.js';
import { Problem } from '../schemas.js';
import type { Role } from '../tokens.js';

/** The answers of a route: its schema, or its problems by their codes. */
export function answers<S extends z.ZodType, N extends 200 | 201>(
  status: N,
  schema: S,
  description: string,
  ...problems: readonly ErrorCode[]
) {
  const codes = new Map<number, string[]>();
  for (const code of [...problems, 'no-token', 'forbidden'] as const) {
    codes.set(STATUS[code], [...(codes.get(STATUS[code]) ?? []), code]);
  }
  const others = Array.from(codes, ([number, names]) => [
    number,
    { description: names.join(', '), content: { 'application/json': { schema: Problem } } },
  ]);
  return {
    ...(Object.fromEntries(others) as Record<never, never>),
    [status]: { description, content: { 'application/json': { schema } } },
  } as { [K in N]: { description: string; content: { 'application/json': { schema: S } } } };
}

/** A token, or the cookie that the page has changed one for. */
export const SECURITY: Record<string, string[]>[] = [{ bearer: [] }, { cookie: [] }];

/** Who may use a route; middleware, so that it comes before the request is looked at. */
export const allowed = (...roles: readonly Role[]) => ({
  middleware: [only(...roles)] as [MiddlewareHandler<Env>],
  security: SECURITY,
  'x-roles': [...new Set([...roles, 'operator'])],
});

/** A JSON body; `required` unless everything in it may be left out. */
export const body = <S extends z.ZodType>(schema: S, required: boolean) => ({
  content: { 'application/json': { schema } },
  required,
});
