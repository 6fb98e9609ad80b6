/** From method and URL to an answer: which group or check is asked for, and how. */
import type { Alarms } from './alarms.js';
import type { Group } from './group.js';
import { PICTURE, STATUS } from './groups.js';
import type { ResolvedHealthOptions } from './health-options.js';
import { HEALTH, health, LEADER } from './legacy.js';
import { type Location, locate } from './location.js';
import { under } from './names.js';
import type { GroupReport } from './reports.js';
import { type StatusPage, withheld } from './status.js';
import { json, methodNotAllowed, NOT_FOUND, type Reply, root, single, svg } from './wire.js';

/** What is asked. */
export interface Routed {
  readonly groups: ReadonlyMap<string, Group>;
  readonly alarms: Alarms;
  /** Told of each probe of a whole group. */
  readonly probed: (report: GroupReport) => void;
  readonly status: () => StatusPage;
  /** The dependency graph, as SVG. */
  readonly picture: () => string;
}

type Route = (method: string, query: URLSearchParams) => Promise<Reply>;

export class Router {
  readonly #options: ResolvedHealthOptions;
  readonly #routed: Routed;
  /** Of `/health`. */
  readonly answers = { success: 0, failure: 0 };

  constructor(options: ResolvedHealthOptions, routed: Routed) {
    this.#options = options;
    this.#routed = routed;
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
    const { groups } = this.#routed;
    const exact = groups.get(path);
    if (exact) return (method, query) => this.#root(exact, method, query);
    let route: Route | undefined;
    for (const [name, group] of groups) {
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
    this.#routed.probed(report);
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
    const { groups, alarms } = this.#routed;
    const excluded = query.getAll('exclude');
    const active = alarms.active.filter((name) => !excluded.includes(name));
    const local = query.get('serializable') === 'true';
    // With an alarm on, as in etcd, nobody is asked.
    const asked = active.length > 0 ? undefined : groups.get(HEALTH);
    const report = await asked?.probe(local ? [LEADER] : []);
    const reply = health(active, report, withheld(this.#options));
    this.answers[reply.status === 200 ? 'success' : 'failure']++;
    return reply;
  };

  readonly #status: Route = async (method) => {
    if (method !== 'GET' && method !== 'HEAD') return methodNotAllowed('GET, HEAD');
    return json(this.#routed.status());
  };

  readonly #picture: Route = async (method) => {
    if (method !== 'GET' && method !== 'HEAD') return methodNotAllowed('GET, HEAD');
    return svg(this.#routed.picture());
  };
}
