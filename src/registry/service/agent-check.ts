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

/** The weights of a route by id; a route is never changed, but made anew. */
const weights = new WeakMap<Route, ReadonlyMap<string, number>>();

function weightIn(route: Route, id: string): number | undefined {
  let byId = weights.get(route);
  if (byId === undefined) {
    byId = new Map(route.targets.map((target) => [target.id, target.weight]));
    weights.set(route, byId);
  }
  return byId.get(id);
}

/**
 * The line about an instance: `up ready 75%`, `drain`, or `down` with the reason. Undefined where
 * nothing is known yet: HAProxy then keeps the state that the server has.
 */
export function agentAnswer(registry: Registry, id: string): string | undefined {
  const view = registry.get(id);
  if (view === undefined) return registry.learning ? undefined : 'down #not registered';
  if (view.draining) return 'drain';
  const weight = weightIn(registry.route(view.service ?? ''), id);
  // `ready` takes back an earlier `drain`.
  if (weight !== undefined) return `up ready ${haproxyWeight(weight)}%`;
  // Who has registered anew, and is about to be heard, had traffic before that.
  if (registry.learning && view.status === 'starting') return undefined;
  return `down #${view.status}`;
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
