/** When a command is started again. */
import { describe, expect, it } from 'vitest';
import { type RestartLimit, RestartPolicy } from '../../src/cli/run/restart-policy.js';

const policy = (limit?: RestartLimit, random = () => 0) =>
  new RestartPolicy({ delay: 1000, longest: 300_000, limit, random });

describe('a restart policy', () => {
  it('doubles the delay, up to the longest', () => {
    const each = policy();
    each.started(0);
    const waits = Array.from({ length: 11 }, () => {
      const wait = each.wait('exit', 0);
      each.restarted('exit', 0);
      return wait;
    });
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((s) => s * 1000));
  });

  it('begins anew after a life that was longer than the longest delay', () => {
    const each = policy();
    for (let i = 0; i < 5; i++) each.restarted('exit', 0);
    each.started(0);
    expect(each.wait('exit', 300_000)).toBe(32_000);
    expect(each.wait('exit', 300_001)).toBe(1000);
  });

  it('adds a random part but to the first restart after an end, which nobody else shares', () => {
    const each = policy(undefined, () => 0.5);
    expect(each.wait('exit', 0)).toBe(1000);
    expect(each.wait('frozen', 0)).toBe(1500);
    each.restarted('exit', 0);
    expect(each.wait('exit', 0)).toBe(2500);
  });

  it('allows as many as the limit tells, within any time of that length', () => {
    const each = policy({ most: 2, within: 60_000 });
    expect(each.allows(0)).toBe(true);
    each.restarted('exit', 0);
    each.restarted('exit', 50_000);
    expect(each.allows(59_999)).toBe(false);
    expect(each.allows(60_000)).toBe(true);
    each.restarted('blocked', 60_000);
    expect(each.allows(109_999)).toBe(false);
    expect(each.allows(110_000)).toBe(true);
    expect(each.count).toBe(3);
    expect(each.causes).toBe('exit 2, blocked 1');
  });

  it('allows none with a limit of 0, and any number without a limit', () => {
    expect(policy({ most: 0, within: Infinity }).allows(0)).toBe(false);
    const each = policy();
    for (let i = 0; i < 1000; i++) each.restarted('exit', 0);
    expect(each.allows(0)).toBe(true);
  });
});
