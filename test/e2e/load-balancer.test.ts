/** The load balancer of the documents, as a reader runs it. Needs the build (npm ci makes it). */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Running, root } from '../support/processes.js';

it('loses fewer requests to a death than a time-out of 5 s does', {
  timeout: 120_000,
}, async () => {
  const run = new Running([join(root, 'docs/examples/load-balancer.mjs'), '50', '8']);
  expect(await run.exited, run.output).toEqual({ code: 0, signal: null });
  const [ours, theirs] = [...run.output.matchAll(/: (\d+) of (\d+) requests failed/g)].map(
    ([, failed, sent]) => {
      expect(Number(sent), run.output).toBeGreaterThan(300);
      return Number(failed);
    },
  );
  // A third of the requests of 5 s, but for what a loaded machine did not send.
  expect(theirs, run.output).toBeGreaterThan(20);
  expect(ours, run.output).toBeLessThan(theirs / 2);
});
