/**
 * HAProxy's agent check: a TCP port that is sent an id (`agent-send "web-1\n"`) and answers with one
 * line, whether that instance takes traffic and how much. Who asks learns no more than a probe does.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { MAX_ID_BYTES } from '../../sources/udp-wire.js';
import type { Registry } from '../registry.js';
import type { Route } from '../views.js';
import { haproxyWeight } from './routes/targets.js';

/** In ms: a connection that has not said its line by then, or has not closed after ours, is cut off. */
const PATIENCE = 2000;
const MAX_CONNECTIONS = 1000;

/** Weights, or why there is none, by id; a route is never changed, but made anew. */
const standings = new WeakMap<Route, ReadonlyMap<string, number | string>>();

function standingIn(route: Route, id: string): number | string | undefined {
  let byId = standings.get(route);
  if (byId === undefined) {
    byId = new Map<string, number | string>([
      ...route.excluded.map((each) => [each.id, each.reason] as const),
      ...route.targets.map((each) => [each.id, each.weight] as const),
    ]);
    standings.set(route, byId);
  }
  return byId.get(id);
}

/** Why an instance that serves gets no traffic all the same, where that is not its status. */
const EJECTED: Readonly<Record<string, string>> = {
  reported: 'ejected: its failures were reported',
  outlier: 'ejected: an outlier of its service',
};

/**
 * The line about an instance: `up ready 75%`, `drain`, or `down` with the reason, which is its status,
 * or that it was ejected, or a panic. Undefined where nothing is known yet: HAProxy then keeps the state that the server has.
 */
export function agentAnswer(registry: Registry, id: string): string | undefined {
  const view = registry.get(id);
  if (view === undefined) return registry.learning ? undefined : 'down #not registered';
  if (view.draining) return 'drain';
  const standing = standingIn(registry.route(view.service ?? ''), id);
  // `ready` takes back an earlier `drain`.
  if (typeof standing === 'number') return `up ready ${haproxyWeight(standing)}%`;
  // Who has registered anew, and is about to be heard, had traffic before that.
  if (registry.learning && view.status === 'starting') return undefined;
  const reason = standing ?? view.status;
  return `down #${EJECTED[reason] ?? reason}`;
}

/** The port of the agent checks. */
export class AgentCheck {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(registry: Registry) {
    this.#server = createServer((socket) => this.#serve(socket, registry));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** @throws the system's error if the port cannot be had */
  static async listen(registry: Registry, host: string, port: number): Promise<AgentCheck> {
    const agent = new AgentCheck(registry);
    await new Promise<void>((resolve, reject) => {
      agent.#server.once('error', reject);
      agent.#server.listen({ host, port, exclusive: true }, resolve);
    });
    return agent;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #serve(socket: Socket, registry: Registry): void {
    this.#sockets.add(socket);
    const timer = setTimeout(() => socket.destroy(), PATIENCE);
    socket.on('error', () => {}); // it closes after it
    socket.on('close', () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
    });
    let line = '';
    const read = (text: string) => {
      line += text;
      const end = line.indexOf('\n');
      if (end < 0 && Buffer.byteLength(line) <= MAX_ID_BYTES) return;
      socket.off('data', read);
      socket.resume(); // what comes beyond the line is for nobody
      const id = end < 0 ? '' : line.slice(0, end).replace(/\r$/, '');
      const answer = id === '' ? undefined : agentAnswer(registry, id);
      if (answer === undefined) socket.end();
      else socket.end(`${answer}\n`);
    };
    socket.setEncoding('utf8').on('data', read);
  }

  /** Answers nobody any more. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}
