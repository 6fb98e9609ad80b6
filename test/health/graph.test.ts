/** The dependency graph against plain searches. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createHealth,
  DependencyGraph,
  type NodeState,
  type OwnState,
  rootCauses,
} from '../../src/health/index.js';
import { get } from './support.js';

type Wish = readonly [from: number, to: number, critical: boolean];

const wishes = fc.array(fc.tuple(fc.nat(7), fc.nat(7), fc.boolean()), { maxLength: 30 });
const owns = fc.array(fc.constantFrom<OwnState>('ok', 'degraded', 'failed', 'unknown'), {
  minLength: 8,
  maxLength: 8,
});
const name = (n: number) => `n${n}`;

/** Whether there is a way, by trying all. */
function reaches(edges: readonly Wish[], from: number, to: number): boolean {
  const seen = new Set([from]);
  for (let grown = -1; grown !== seen.size; ) {
    grown = seen.size;
    for (const [a, b] of edges) if (seen.has(a)) seen.add(b);
  }
  return seen.has(to);
}

/** A graph of the wishes that close no cycle, and those. */
function build(all: readonly Wish[]): { graph: DependencyGraph; edges: Wish[] } {
  const graph = new DependencyGraph();
  const edges: Wish[] = [];
  for (const wish of all) {
    const [from, to, critical] = wish;
    if (reaches(edges, to, from)) {
      let message = '';
      try {
        graph.depend(name(from), name(to), critical);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        message = (error as Error).message;
      }
      const path = /"(.*)"$/
        .exec(message)?.[1]
        .split(' → ')
        .map((each) => Number(each.slice(1)));
      expect(path?.[0]).toBe(from);
      expect(path?.at(-1)).toBe(from);
      expect(path?.[1]).toBe(to);
      const closed = [...edges, wish];
      path?.slice(1).forEach((each, i) => {
        expect(closed.some(([a, b]) => a === path[i] && b === each)).toBe(true);
      });
    } else {
      graph.depend(name(from), name(to), critical);
      const known = edges.findIndex(([a, b]) => a === from && b === to);
      if (known >= 0) edges.splice(known, 1);
      edges.push(wish);
    }
  }
  return { graph, edges };
}

describe('any graph', () => {
  it('refuses exactly what closes a cycle, with a path that is one', () => {
    fc.assert(
      fc.property(wishes, (all) => {
        const { graph, edges } = build(all);
        const order = graph.order();
        expect(new Set(order).size).toBe(order.length);
        expect(new Set(order)).toEqual(new Set(edges.flatMap(([a, b]) => [name(a), name(b)])));
        for (const [from, to] of edges) {
          expect(order.indexOf(name(to))).toBeLessThan(order.indexOf(name(from)));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('names as causes who has failed itself, and is reached; and passes nothing else on', () => {
    fc.assert(
      fc.property(wishes, owns, (all, own) => {
        const { graph, edges } = build(all);
        const ownOf = (node: string) => own[Number(node.slice(1))];
        const states = new Map<string, NodeState>(graph.evaluate(ownOf).map((s) => [s.name, s]));
        const critical = edges.filter(([, , each]) => each);
        for (const [node, { own: said, status, causes }] of states) {
          const n = Number(node.slice(1));
          expect(said).toBe(ownOf(node)); // nobody's own state is another's
          const others = [...states.keys()].map((each) => Number(each.slice(1)));
          const failedBelow = others.filter(
            (each) => each !== n && reaches(critical, n, each) && own[each] === 'failed',
          );
          const troubledBelow = others.filter(
            (each) =>
              each !== n && reaches(edges, n, each) && ['failed', 'degraded'].includes(own[each]),
          );
          const expected =
            said === 'failed'
              ? 'failed'
              : failedBelow.length > 0
                ? 'blocked'
                : said === 'degraded' || troubledBelow.length > 0
                  ? 'degraded'
                  : said;
          expect(status).toBe(expected);
          expect(causes.length > 0).toBe(status !== 'ok' && status !== 'unknown');
          for (const cause of causes) {
            expect(['failed', 'degraded']).toContain(ownOf(cause));
            expect(reaches(edges, n, Number(cause.slice(1)))).toBe(true);
          }
        }
        const roots = rootCauses([...states.values()]);
        for (const [node] of states) {
          const n = Number(node.slice(1));
          const explained = [...states.keys()].some((each) => {
            const m = Number(each.slice(1));
            return m !== n && own[m] === 'failed' && reaches(critical, n, m);
          });
          expect(roots.includes(node)).toBe(own[n] === 'failed' && !explained);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('forgets what was removed, and what only that depended on', () => {
    const graph = new DependencyGraph();
    graph.depend('a', 'b', true);
    graph.depend('b', 'c', false);
    graph.remove('b'); // a still depends on it
    expect(graph.order()).toEqual(['b', 'a']);
    graph.remove('a');
    expect(graph.order()).toEqual([]);
  });

  it('of 10,000 in a row is no matter of the call stack', () => {
    const graph = new DependencyGraph();
    for (let i = 0; i < 10_000; i++) graph.depend(name(i), name(i + 1), true);
    expect(() => graph.depend(name(10_000), name(0), true)).toThrow(RangeError);
    const states = graph.evaluate((each) => (each === name(10_000) ? 'failed' : 'ok'));
    expect(rootCauses(states)).toEqual([name(10_000)]);
    expect(states.at(-1)).toMatchObject({ name: 'n0', status: 'blocked', causes: ['n10000'] });
  });
});

it('has no dependency of ours any more that only another group asks for', () => {
  const health = createHealth({ name: 'shop' });
  const ok = () => true;
  health.add('readyz', 'db', ok, { dependsOn: [{ name: 'disk', critical: true }] });
  health.add('deep', 'db', ok, { dependsOn: [] });
  const edges = () =>
    health
      .status()
      .graph.nodes.map(({ name, dependsOn }) => [name, ...dependsOn.map((e) => e.name)]);
  expect(edges()).toContainEqual(['shop', 'db']);
  health.remove('readyz', 'db');
  expect(edges()).toContainEqual(['shop']);
  expect(edges()).toContainEqual(['db', 'disk']);
  health.remove('deep', 'db');
  expect(edges()).toEqual([['shop']]);
});

describe('the picture', () => {
  it('is SVG with title and description, and names are text in it whatever they are', async () => {
    const health = createHealth({ name: '<b>&"shop' });
    const bad = '</text><script>alert(1)</script>';
    health.service('db', [{ name: bad.replaceAll(/[^\w<>()/]/g, ''), critical: true }, 'cache']);
    health.add('readyz', 'db', () => 'gone', { dependsOn: ['cache'] });
    await get(health, '/readyz');
    const { status, body, headers } = await get(health, '/status.svg');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('image/svg+xml; charset=utf-8');
    expect(headers.get('content-security-policy')).toBe("default-src 'none'");
    expect(body).toMatch(/^<svg [^>]*role="img" aria-labelledby="title desc"/);
    expect(body).toContain('<title id="title">What &#60;b&#62;&#38;&#34;shop depends on</title>');
    expect(body).toContain('Root cause: db');
    expect(body).toContain('db is failed and depends on');
    expect(body).not.toContain('<script');
    const tags = body.match(/<(\/?)([a-z]+)[^>]*?(\/?)>/g) ?? [];
    const open = tags.filter((tag) => !tag.startsWith('</') && !tag.endsWith('/>')).length;
    expect(open).toBe(tags.filter((tag) => tag.startsWith('</')).length);
    // Solid for what is critical, dashed for what is not.
    expect(body.match(/<path d="M[\d.]+ [\d.]+C/g)?.length).toBe(3);
    expect(body.match(/stroke-dasharray/g)?.length).toBe(1);
  });

  it('is XML whatever a name is made of', async () => {
    const health = createHealth({ name: 'a\u0000\u001b\ud800\uffffb' });
    health.service('\ufffe', ['x\uffff', '😀']);
    const { body } = await get(health, '/status.svg');
    expect(body).not.toMatch(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u);
    expect(body).toContain('What a\ufffd\ufffd\ufffd\ufffdb depends on');
    expect(body).toContain('>😀</text>');
  });

  it('is there when nothing depends on anything', async () => {
    const { body } = await get(createHealth(), '/status.svg');
    expect(body).toContain('service is unknown.');
  });
});
