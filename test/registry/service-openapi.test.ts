/** What /openapi.json says of requests and answers is what there is. */
import { describe, expect, it } from 'vitest';
import { ask, start, web } from '../support/service.js';

interface Schema {
  readonly required?: readonly string[];
  readonly properties: Readonly<Record<string, object>>;
}
interface Operation {
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

async function documented() {
  const service = await start();
  service.registry.register(web('a'));
  const { json } = await ask(service, '/openapi.json');
  return { service, document: json as Document };
}

describe('the document', () => {
  const large = 'x'.repeat(70_000);
  const text = { 'content-type': 'text/plain' };
  it.each([
    ['/register', 'POST', '/register', { body: large }, 413],
    ['/register', 'POST', '/register', { body: '{}', headers: text }, 415],
    ['/heartbeat/{id}', 'POST', '/heartbeat/a', { body: large }, 413],
    ['/heartbeat/{id}', 'POST', '/heartbeat/a', { body: '{}', headers: text }, 415],
    ['/instances/{id}/drain', 'POST', '/instances/a/drain', { body: large }, 413],
    ['/instances/{id}/undrain', 'POST', '/instances/a/undrain', { body: large }, 413],
    ['/instances/{id}', 'DELETE', '/instances/a', { body: large }, 413],
    ['/instances/{id}/failure', 'POST', '/instances/a/failure', { body: large }, 413],
    ['/instances/{id}/failure', 'POST', '/instances/a/failure', { body: { other: 1 } }, 400],
    ['/removal/force', 'POST', '/removal/force', { body: large }, 413],
    ['/removal/force', 'POST', '/removal/force?service=', {}, 400],
    ['/session', 'POST', '/session', { body: large }, 413],
    ['/instances', 'GET', '/instances?service=', {}, 400],
    ['/instances/{id}', 'GET', `/instances/${'x'.repeat(256)}`, {}, 400],
    ['/services/{service}/route', 'GET', `/services/${'x'.repeat(256)}/route`, {}, 400],
  ])('%s by %s tells of the answer to it: %s', async (path, method, asked, asking, status) => {
    const { service, document } = await documented();
    expect((await ask(service, asked, { ...asking, method })).status).toBe(status);
    const { responses } = document.paths[path][method.toLowerCase()];
    expect(Object.keys(responses)).toContain(String(status));
  });

  it('demands what a heartbeat is refused without', async () => {
    const { service, document } = await documented();
    const { required, properties } = document.components.schemas.Beat;
    expect(required).toEqual(['generation']);
    expect(properties.generation).toMatchObject({ minimum: 1 });
    for (const body of [{}, { generation: 0 }]) {
      const { status, json } = await ask(service, '/heartbeat/a', { body });
      expect([status, json.error.code]).toEqual([400, 'no-generation']);
    }
  });

  it('tells how long a name may be, and how many keys', async () => {
    const { document } = await documented();
    const { id, service, meta } = document.components.schemas.Registration.properties;
    expect([id, service]).toMatchObject([{ maxLength: 255 }, { maxLength: 255 }]);
    expect(meta).toMatchObject({ maxProperties: 32 });
    expect(document.components.schemas.Beat.properties.figures).toMatchObject({
      maxProperties: 32,
    });
  });
});
