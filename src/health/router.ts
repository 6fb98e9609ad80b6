/** From a request to its answer: which group or check it asks for, and handlers for Node and the web. */
import type { Alarms } from './conditions.js';
import { type Group, PICTURE, STATUS } from './groups.js';
import type { ResolvedHealthOptions } from './health-options.js';
import { type Location, locate, under } from './paths.js';
import { type StatusPage, withheld } from './status.js';
import {
  HEALTH,
  health,
  json,
  LEADER,
  methodNotAllowed,
  NOT_FOUND,
  type Reply,
  root,
  single,
  svg,
} from './wire.js';

/** The pages beside the groups. */
export interface Pages {
  readonly status: () => StatusPage;
  /** The dependency graph, as SVG. */
  readonly picture: () => string;
}

type Route = (method: string, query: URLSearchParams) => Promise<Reply>;

export class Router {
  readonly #options: ResolvedHealthOptions;
  readonly #groups: ReadonlyMap<string, Group>;
  readonly #alarms: Alarms;
  readonly #pages: Pages;
  /** Of `/health`. */
  readonly answers = { success: 0, failure: 0 };

  constructor(
    options: ResolvedHealthOptions,
    groups: ReadonlyMap<string, Group>,
    alarms: Alarms,
    pages: Pages,
  ) {
    this.#options = options;
    this.#groups = groups;
    this.#alarms = alarms;
    this.#pages = pages;
  }

  readonly answer = (method: string, url: string): Promise<Reply> | undefined => {
    const location = locate(url, this.#options.basePath);
    return location && this.#route(location)?.(method, location.query);
  };

  handles(url: string): boolean {
    const location = locate(url, this.#options.basePath);
    return location !== undefined && this.#route(location) !== undefined;
  }

  #route({ path }: Location): Route | undefined {
    const { profile, status } = this.#options;
    if (path === HEALTH && profile === 'etcd') return this.#health;
    if (path === STATUS && status) return this.#status;
    if (path === PICTURE && status) return this.#picture;
    const exact = this.#groups.get(path);
    if (exact) return (method, query) => this.#root(exact, method, query);
    let route: Route | undefined;
    for (const [name, group] of this.#groups) {
      const check = under(path, name);
      if (check === undefined || (route && !group.has(check))) continue;
      route = (method, query) => this.#single(group, check, method, query);
    }
    return route;
  }

  /** etcd answers GET alone, HEAD only where it is asked for; kube-apiserver takes any method. */
  #refused(method: string): Reply | undefined {
    const { profile, head } = this.#options;
    const fits = profile === 'kube' || method === 'GET' || (head && method === 'HEAD');
    return fits ? undefined : methodNotAllowed(head ? 'GET, HEAD' : 'GET');
  }

  async #root(group: Group, method: string, query: URLSearchParams): Promise<Reply> {
    const refused = this.#refused(method);
    if (refused) return refused;
    // An empty value excludes nothing; kube says that it matched nothing.
    const named = query.getAll('exclude');
    const exclude = this.#options.profile === 'etcd' ? named.filter((each) => each !== '') : named;
    const report = await group.probe(exclude);
    return root(report, query.has('verbose'), this.#options);
  }

  async #single(
    group: Group,
    name: string,
    method: string,
    query: URLSearchParams,
  ): Promise<Reply> {
    if (!group.has(name)) return NOT_FOUND;
    const refused = this.#refused(method);
    if (refused) return refused;
    return single(await group.probeOne(name), query.has('verbose'), this.#options);
  }

  readonly #health: Route = async (method, query) => {
    const refused = this.#refused(method);
    if (refused) return refused;
    const excluded = query.getAll('exclude');
    const active = this.#alarms.active.filter((name) => !excluded.includes(name));
    const local = query.get('serializable') === 'true';
    // With an alarm on, as in etcd, nobody is asked.
    const asked = active.length > 0 ? undefined : this.#groups.get(HEALTH);
    const report = await asked?.probe(local ? [LEADER] : []);
    const reply = health(active, report, withheld(this.#options));
    this.answers[reply.status === 200 ? 'success' : 'failure']++;
    return reply;
  };

  readonly #status: Route = async (method) => {
    if (method !== 'GET' && method !== 'HEAD') return methodNotAllowed('GET, HEAD');
    return json(this.#pages.status());
  };

  readonly #picture: Route = async (method) => {
    if (method !== 'GET' && method !== 'HEAD') return methodNotAllowed('GET, HEAD');
    return svg(this.#pages.picture());
  };
}

/** What is used of a request: node:http's or node:http2's, and what frameworks make of it. */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** What was asked for before Express or Connect took the path of a mount away. */
  readonly originalUrl?: string | undefined;
}

/** What is used of a response. */
export interface NodeResponse {
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  statusCode: number;
  setHeader(name: string, value: string | number): unknown;
  end(): unknown;
  end(body: string): unknown;
}

export type NodeHandler = (req: NodeRequest, res: NodeResponse, next?: () => void) => void;

/** The answer to a request; undefined if the path is none of ours. */
export type Answering = (method: string, url: string) => Promise<Reply> | undefined;

const lengthOf = (body: string): number => new TextEncoder().encode(body).length;

function write(res: NodeResponse, { status, headers, body }: Reply, method: string): void {
  // A time-out of the framework may have answered, or the client may have gone.
  if (res.headersSent || res.destroyed) return;
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.setHeader('Content-Length', lengthOf(body));
  if (method === 'HEAD') res.end();
  else res.end(body);
}

export function nodeHandler(answer: Answering): NodeHandler {
  return (req, res, next) => {
    const { method = 'GET', url = '/', originalUrl = url } = req;
    // Mounted at /livez itself, nothing of the path is left in the URL.
    const anew = originalUrl === url ? undefined : originalUrl;
    const reply = answer(method, url) ?? (anew === undefined ? undefined : answer(method, anew));
    if (reply) void reply.then((each) => write(res, each, method));
    else if (next) next();
    else write(res, NOT_FOUND, method);
  };
}

export function webFetch(answer: Answering): (request: Request) => Promise<Response> {
  return async ({ method, url }) => {
    const { status, headers, body } = (await answer(method, url)) ?? NOT_FOUND;
    const length = { 'Content-Length': String(lengthOf(body)) };
    return new Response(method === 'HEAD' ? null : body, {
      status,
      headers: { ...headers, ...length },
    });
  };
}
