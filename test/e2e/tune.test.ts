/** From live heartbeats to settings: beat, record, tune. Needs the build (npm ci makes it). */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type DetectorOptions, PhiAccrualDetector } from '../../src/index.js';
import { readTrace, type TuneReport } from '../../src/lab/lab.js';
import { cli, Running } from '../support/processes.js';

const folder = mkdtempSync(join(tmpdir(), 'phi-tune-'));
const trace = join(folder, 'trace.csv.gz');
const running: Running[] = [];
const run = (...args: string[]): Running => {
  const started = new Running([cli, ...args]);
  running.push(started);
  return started;
};
const tune = async (...args: string[]) => {
  const tuning = run('tune', trace, ...args);
  const { code } = await tuning.exited;
  return { code, output: tuning.output };
};

beforeAll(async () => {
  const record = run('record', trace, '--port', '0');
  const [, port] = await record.says(/udp 127\.0\.0\.1:(\d+)/);
  const to = `127.0.0.1:${port}`;
  run('beat', '--id', 'a', 'b', '--to', to, '--interval', '10', '--jitter', '0.5');
  await vi.waitUntil(
    async () => ((await readTrace(trace).catch(() => undefined))?.heartbeats ?? 0) >= 600,
    { timeout: 60_000, interval: 100 },
  );
  record.kill('SIGINT');
  expect(await record.exited).toEqual({ code: 0, signal: null });
});
afterAll(async () => {
  for (const process of running) process.kill('SIGKILL');
  await Promise.all(running.map((process) => process.exited));
  rmSync(folder, { recursive: true });
});

describe('phi-accrual tune', () => {
  it('finds settings for heartbeats that were just recorded', async () => {
    const report = join(folder, 'report.html');
    const wish = ['--detect-within', '3000', '--models', 'exponential,normal'];
    const { code, output } = await tune(...wish, '--report', report);
    expect(output).toMatch(/^\d+ heartbeats in 2 sessions, one each \d+\.\d ms\. Goal: 99 of 100/m);
    expect(output).toMatch(/^▸ (exponential|normal) .* yes *$/m);
    expect(code).toBe(0);
    const [, pasted] = /new FailureDetector\((.*)\)/.exec(output) as RegExpExecArray;
    const options: DetectorOptions = new Function(`return ${pasted}`)();
    expect(new PhiAccrualDetector(options).suspectAt()).toBe(Infinity);
    const page = readFileSync(report, 'utf8');
    expect(page).toContain('Kept by these settings');
    expect(page).toContain(`threshold: ${options.threshold},`);
    expect(page).toContain(`--report ${report}</code>`);
  });

  it('says that a few seconds show nothing of a day, exit code 1; a report all the same', async () => {
    const report = join(folder, 'refused.html');
    const wish = ['--max-mistakes', '1/day', '--models', 'calibrated', '--report', report];
    const { code, output } = await tune(...wish);
    expect(output).toMatch(/The trace is too short for that wish/);
    expect(output).toMatch(/Unproven, but meant for that:\s+new FailureDetector\(/);
    expect(code).toBe(1);
    expect(readFileSync(report, 'utf8')).toContain('No settings can be promised');
    const json = await tune(...wish.slice(0, 4), '--json');
    const told: TuneReport = JSON.parse(json.output);
    expect(told).toMatchObject({ sessions: 2, goal: { maxMistakesPerHour: 1 / 24 } });
    expect(told.chosen).toBeUndefined();
    expect(json.code).toBe(1);
  });

  it.each([
    [[], /--max-mistakes, --detect-within or both/],
    [['--max-mistakes', 'often'], /--max-mistakes/],
    [['--max-mistakes', '1/day', '--models', 'gauss'], /--models/],
  ])('%j is one line and exit code 2', async (args, reason) => {
    const { code, output } = await tune(...args);
    expect(code).toBe(2);
    expect(output).toMatch(reason);
    expect(output).toMatch(/^phi-accrual: .+\n$/);
  });
});
