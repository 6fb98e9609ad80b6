/** The HTTP interface as a function from request to answer; `server.ts` puts it on a port. */
import { OpenAPIHono, z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import packageJson from '../../../package.json' with { type: 'json' };
import type { Beats } from './beats.js';
import type { Env, ServiceContext } from './context.js';
import { type ErrorCode, refusal, ServiceError } from './errors.js';
import { guard, limitBody, only } from './guard.js';
import { addLeases } from './routes/leases.js';
import { addPages } from './routes/pages.js';
import { addReads } from './routes/reads.js';
import { addTargets } from './routes/targets.js';

/** `name: what is wrong`, of the first thing that is. */
function firstIssue({ issues: [issue] }: z.core.$ZodError): string {
  const path = issue.path.map(String).join('.');
  const { message } = issue;
  return path === '' || message.startsWith(`${path}:`) ? message : `${path}: ${message}`;
}

/** What a request is told of an error: of what was not foreseen, nothing. */
function told(error: unknown): ServiceError | undefined {
  if (error instanceof ServiceError) return error;
  if (error instanceof z.ZodError) return new ServiceError('invalid', firstIssue(error));
  if (error instanceof SyntaxError) return new ServiceError('invalid', 'the body is no JSON');
  if (error instanceof HTTPException) {
    const code: ErrorCode | undefined = ({ 400: 'invalid', 415: 'media-type' } as const)[
      error.status as 400
    ];
    const messages = { invalid: 'the body is no JSON', 'media-type': 'expected application/json' };
    if (code) return new ServiceError(code, messages[code as 'invalid']);
  }
  return undefined;
}

/** The methods that there are for a path; what takes any method is for all paths, and is none. */
function methodsOf({ router }: OpenAPIHono<Env>, path: string): string[] {
  const handlers = (method: string) => router.match(method, path)[0].length;
  const found = ['GET', 'POST', 'DELETE'].filter((method) => handlers(method) > handlers('ALL'));
  return found.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
}

export function createApp(context: ServiceContext, beats: Beats): OpenAPIHono<Env> {
  const app = new OpenAPIHono<Env>({
    defaultHook: (result) => {
      if (!result.success) throw result.error;
    },
  });

  app.onError((error, c) => {
    // What fails because the client has gone is no failure of ours.
    const isReset = (error as NodeJS.ErrnoException).code === 'ECONNRESET';
    const gone = isReset && c.env?.incoming?.readableAborted === true;
    const known = told(error) ?? (gone ? new ServiceError('aborted', 'it has gone') : undefined);
    if (known === undefined) context.onError(error);
    const { status, body, headers } = refusal(known, context.rejections);
    return c.json(body, status, headers);
  });
  app.notFound((c) => {
    const methods = methodsOf(app, c.req.path);
    const allow = methods.join(', ');
    const problem =
      methods.length === 0
        ? new ServiceError('not-found', 'no such path')
        : new ServiceError('method-not-allowed', `expected ${allow}`, { allow });
    const { status, body, headers } = refusal(problem, context.rejections);
    return c.json(body, status, headers);
  });

  app.use(guard(context), limitBody(context));
  addLeases(app, context, beats);
  addReads(app, context, beats.rates);
  addTargets(app, context);
  addPages(app, context);

  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
  });
  app.get('/openapi.json', only('node', 'reader'), (c) =>
    c.json(
      app.getOpenAPI31Document({
        openapi: '3.1.0',
        info: { title: 'phi-accrual registry', version: packageJson.version },
      }),
    ),
  );
  return app;
}
