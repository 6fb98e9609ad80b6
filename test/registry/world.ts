/** A registry on a clock of its own, with nodes that beat. */
import fc from 'fast-check';
import { Registry, type RegistryOptions } from '../../src/registry/index.js';
import { Loop } from '../support/loop.js';

/** A registry, and a loop with its time. */
export function registryOn(options: RegistryOptions = {}, loop = new Loop()) {
  const registry = new Registry({ clock: loop, wall: () => 1.7e12 + loop.now(), ...options });
  return { loop, registry };
}

/** Says whether the beat of a node that falls due at `at` arrives. */
export type Arrives = (node: number, at: number) => boolean;

/** `n` nodes of one service that beat once a second, each at a phase of its own. */
export function nodesOn(n: number, options: RegistryOptions = {}) {
  const { loop, registry } = registryOn(options);
  const ids = Array.from({ length: n }, (_, i) => `n${i}`);
  const generations = new Map<string, number>();
  const events: string[] = [];
  registry.on('suspect', ({ peer, signal }) => events.push(`suspect ${signal} ${peer}`));
  registry.on('available', ({ peer, signal }) => events.push(`available ${signal} ${peer}`));
  const register = (id: string) => {
    const lease = registry.register({ id, service: 'api', address: `10.0.0.1:${id}` });
    generations.set(id, lease.generation);
    return lease;
  };
  for (const id of ids) register(id);
  let beaten = 0;
  /** Runs on to `until`; both signals are sent where `process` is given. */
  const run = (until: number, arrives: Arrives = () => true, process?: Arrives) => {
    const phase = 1000 / n;
    for (; beaten * phase <= until; beaten++) {
      const at = beaten * phase;
      const node = beaten % n;
      loop.arrive(at, () => {
        const generation = generations.get(ids[node]) as number;
        if (arrives(node, at)) registry.heartbeat(ids[node], { generation });
        if (process?.(node, at)) registry.heartbeat(ids[node], { generation, signal: 'process' });
      });
    }
    loop.runUntil(until);
  };
  return { loop, registry, ids, events, generations, register, run };
}

export const statuses = (registry: Registry): string[] =>
  registry.instances().map(({ status }) => status);

export const targets = (registry: Registry, service = 'api'): string[] =>
  registry.route(service).targets.map(({ id }) => id);

/** Anything that may happen to a registry. */
export const anyAction = fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd'),
  service: fc.constantFrom('x', 'y'),
  wait: fc.constantFrom(0, 0, 100, 1000, 3000, 40_000),
  do: fc.constantFrom(
    ...(['register', 'register', 'beat', 'beat', 'process', 'not ready', 'drain'] as const),
    ...(['undrain', 'deregister', 'remove', 'failure', 'poll', 'read', 'read one'] as const),
  ),
});

/** Does it. */
export const act = (
  registry: Registry,
  loop: Loop,
  step: { id: string; service: string; do: string },
) => {
  const { id } = step;
  const generation = registry.get(id)?.generation ?? 1;
  if (step.do === 'register') registry.register({ id, service: step.service, address: 'z' });
  if (step.do === 'beat') registry.heartbeat(id, { generation });
  if (step.do === 'not ready') registry.heartbeat(id, { generation, ready: loop.now() % 200 > 0 });
  if (step.do === 'process') registry.heartbeat(id, { generation, signal: 'process' });
  if (step.do === 'drain') registry.drain(id);
  if (step.do === 'undrain') registry.undrain(id);
  if (step.do === 'deregister') registry.deregister(id);
  if (step.do === 'remove') registry.remove(id);
  if (step.do === 'failure') registry.reportFailure(id);
  if (step.do === 'poll') registry.probe(id, generation, { outcome: 'failed' });
};
