/** The demo's nodes: real processes that beat, and what can be done to them. */
import { type ChildProcess, spawn } from 'node:child_process';

const SERVICES = ['api', 'search'];

export type NodeState = 'running' | 'frozen' | 'dead';

export class Nodes {
  readonly ids: readonly string[];
  readonly #interval: number;
  #registry = '';
  readonly #children = new Map<string, ChildProcess>();
  readonly #states = new Map<string, NodeState>();

  constructor(count: number, interval: number) {
    this.ids = Array.from({ length: count }, (_, i) => `node-${i + 1}`);
    this.#interval = interval;
  }

  /** Starts all of them; they register at `registry`, a URL. */
  begin(registry: string): void {
    this.#registry = registry;
    for (const id of this.ids) this.start(id);
  }

  state(id: string): NodeState {
    return this.#states.get(id) ?? 'dead';
  }

  pid(id: string): number | undefined {
    return this.#children.get(id)?.pid;
  }

  /** Starts the node if it is one of ours and dead; false if not. */
  start(id: string): boolean {
    const nth = this.ids.indexOf(id);
    if (nth < 0 || this.state(id) !== 'dead') return false;
    const beat = ['beat', '--id', id, '--interval', String(this.#interval)];
    // One half each: the script's victims are of different services.
    const service = SERVICES[nth < this.ids.length / 2 ? 0 : 1];
    beat.push('--registry', this.#registry, '--service', service);
    // Over the channel a node learns that its parent is gone, even by SIGKILL.
    const child = spawn(process.execPath, [process.argv[1], ...beat], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#children.set(id, child);
    this.#states.set(id, 'running');
    child.once('exit', () => {
      if (this.#children.get(id) === child) this.#states.set(id, 'dead');
    });
    return true;
  }

  kill(id: string): boolean {
    if (this.state(id) === 'dead') return false;
    this.#states.set(id, 'dead');
    return this.#children.get(id)?.kill('SIGKILL') ?? false;
  }

  freeze(id: string): boolean {
    if (this.state(id) !== 'running') return false;
    this.#states.set(id, 'frozen');
    return this.#children.get(id)?.kill('SIGSTOP') ?? false;
  }

  resume(id: string): boolean {
    if (this.state(id) !== 'frozen') return false;
    this.#states.set(id, 'running');
    return this.#children.get(id)?.kill('SIGCONT') ?? false;
  }

  /** Kills all of them, and waits until they are gone. */
  async stop(): Promise<void> {
    const exits = [...this.#children.values()]
      .filter((child) => child.exitCode === null && child.signalCode === null)
      .map((child) => {
        const exit = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        return exit;
      });
    await Promise.all(exits);
  }
}
