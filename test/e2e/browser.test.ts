/** The core where there is no Node: only what every browser has, and timers that are numbers. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { root } from '../support/processes.js';

/** Evaluates a CommonJS file of the build, and what it requires, in a bare context. */
function load(path: string, context: object): Record<string, unknown> {
  const module = { exports: {} };
  const require = (name: string) => {
    const from = createRequire(path);
    return load(name.startsWith('.') ? join(dirname(path), name) : from.resolve(name), context);
  };
  const code = `(function (module, exports, require) {${readFileSync(path, 'utf8')}\n})`;
  runInContext(code, createContext(context))(module, module.exports, require);
  return module.exports;
}

describe('the core in a browser', () => {
  it('loads, and says a suspicion from a timer that is a number', async () => {
    const timers: ReturnType<typeof setTimeout>[] = [];
    const browser = createContext({
      performance: { now: () => performance.now() },
      setTimeout: (act: () => void, ms: number) => timers.push(setTimeout(act, ms)) - 1,
      clearTimeout: (id?: number) => clearTimeout(id === undefined ? undefined : timers[id]),
      console,
    });
    const core = load(join(root, 'dist/index.cjs'), browser) as typeof import('../../src/index.js');
    const detector = new core.FailureDetector({ heartbeatInterval: 20 });
    const suspect = new Promise((resolve) => detector.on('suspect', resolve));
    detector.watch('a').heartbeat();
    expect(await suspect).toMatchObject({ peer: 'a', reason: 'silence' });
    detector.close();
  });
});
