/** docs/choosing.md and the command that writes its figures. Needs the build. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FailureDetector } from '../../src/index.js';
import { Running, root } from '../support/processes.js';
import { textOf } from '../support/snippets.js';

const command = join(root, 'bench/choosing.mjs');
const page = textOf('docs/choosing.md');

/** Every object of settings on the page, in the program and in the text. */
const objects = [...page.matchAll(/\{ (?:heartbeatInterval|model): .*\}/g)].map(([text]) => text);

const run = async (...args: string[]) => {
  const running = new Running([command, ...args, '--smoke']);
  const { code } = await running.exited;
  return { code, output: running.output };
};

describe('docs/choosing.md', () => {
  it('has settings for each of its networks', () => {
    expect(objects.length).toBeGreaterThanOrEqual(5);
  });

  it.each(objects)('%s is accepted', (text) => {
    const settings = new Function(`return (${text})`)() as Record<string, number>;
    expect(() => new FailureDetector(settings).close()).not.toThrow();
  });

  it('has the settings that the command recommends', async () => {
    const { code, output } = await run();
    expect(code, output).toBe(0);
    const program = /^```ts\n[\s\S]*?^```$/m;
    expect(page.match(program)?.[0]).toBe(output.match(program)?.[0]);
  });
});

describe('bench/choosing.mjs', () => {
  it('tries a row on a trace', async () => {
    const trace = join(root, 'test/traces/netns_clean_100ms.csv.gz');
    const { code, output } = await run(`cluster=${trace}`);
    expect(code, output).toBe(0);
    expect(output).toMatch(/^5,980 heartbeats, 10 min\.$/m);
    // By its row of gaps the longest is 2.151 intervals.
    expect(output).toMatch(/^\| time-out 1 s \(10 heartbeats\) \| 0 \(0 – 20\) \| 1 s \| 1 s \|$/m);
  });

  it('says which rows there are', async () => {
    const { code, output } = await run('lan=trace.csv');
    expect(code).toBe(1);
    expect(output).toContain('expected (video|trading|cluster|internet|sensors)=FILE');
  });
});
