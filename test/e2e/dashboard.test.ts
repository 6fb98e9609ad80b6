/** The registry's page as people see it: in a real browser. Needs the build (npm ci makes it). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { useBrowser } from '../support/chromium.js';
import { type FakeOptions, FakeRegistry } from '../support/fake-service.js';
import {
  eventually,
  type Look,
  leastContrast,
  live,
  type Opened,
  openFake,
  painted,
  row,
  visit,
} from '../support/page.js';
import { root } from '../support/processes.js';
import { start, TOKENS } from '../support/service.js';

const { missing, browser } = useBrowser();
/** Where to write a screenshot to; by default there is none. */
const SCREENSHOT = process.env.DASHBOARD_SCREENSHOT;

/** The page of a fake of its own. */
const open = (options: FakeOptions, look: Look, watch: (opened: Opened) => Promise<void>) =>
  openFake(browser(), options, look, watch);

/** Lets the page note when it showed each status first: its clock is this machine's. */
const recordStatuses = (page: Page) =>
  page.evaluate(() => {
    const seen: Record<string, number> = {};
    Object.assign(window, { seen });
    new MutationObserver(() => {
      for (const each of document.querySelectorAll<HTMLElement>('.row.instance')) {
        seen[`${each.dataset.id} ${each.dataset.status}`] ??= Date.now();
      }
    }).observe(document.body, {
      subtree: true,
      attributes: true,
      attributeFilter: ['data-status'],
    });
  });
const statusesSeen = (page: Page) =>
  page.evaluate(() => (window as unknown as { seen: Record<string, number> }).seen);
const scrolls = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

describe('the files of the page', () => {
  const read = (name: string) => readFileSync(join(root, 'dist/dashboard', name));

  it('are small, and name their licences', () => {
    const files = ['index.html', 'app.js', 'style.css'];
    const size = files.reduce((sum, name) => sum + gzipSync(read(name)).length, 0);
    expect(size).toBeLessThan(60_000);
    const licences = readFileSync(join(root, 'dist/THIRD-PARTY.txt'), 'utf8');
    for (const name of ['uplot', 'echarts']) {
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
    }
  });

  it('have no script or style in the markup, which the policy would not run', () => {
    const html = read('index.html').toString();
    expect(html).not.toMatch(/ style=| on\w+=|<style|<script(?![^>]* src=)/);
    expect(read('app.js').toString()).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  });
});

describe.skipIf(missing)('the page in a browser', () => {
  const views = (['light', 'dark'] as const).flatMap((colorScheme) =>
    [1280, 360].map((width) => ({ colorScheme, width })),
  );

  it.each(views)('$colorScheme, $width px: all is there and readable', async (look) => {
    await open({ instances: 40, demo: true }, look, async ({ page, fake }) => {
      await live(page);
      fake.protection = {
        panic: [{ service: 'orders', available: 4, n: 10 }],
        massSilence: { active: true, overdue: 5, watched: 40 },
        removal: { frozen: true, reason: 'most-down', candidates: 1 },
        stall: { count: 1, total: 1500, last: { at: 1, duration: 1500 } },
      };
      fake.say('protection', '{"rule":"stall","active":false,"at":1,"duration":1500}');
      fake.say('protection', '{"rule":"panic","active":true,"service":"orders","at":1}');
      const statuses = ['zombie', 'critical', 'overloaded', 'probe-failing', 'not-ready'] as const;
      for (const [i, status] of statuses.entries()) {
        fake.change(`node-${4 * i + 1}`, 'status', { status });
      }
      fake.change('node-25', 'draining', { draining: true });
      await page.locator('.notice[data-rule="removal"]').waitFor();
      await eventually(() => page.locator('.notice').count()).toBe(4);
      expect(await page.locator('.notice').allTextContents()).toEqual([
        expect.stringContaining('Stalled'),
        expect.stringContaining('5 of 40 are overdue'),
        expect.stringContaining('Panic: orders'),
        expect.stringContaining('Removal frozen'),
      ]);
      await page.locator('#log summary').click();
      await page.locator('#log li').first().waitFor();
      expect(await page.locator('#log').textContent()).toContain(
        'protection: panic of orders begins',
      );
      expect(await scrolls(page)).toBeLessThanOrEqual(0);
      expect((await page.evaluate(leastContrast)).ratio).toBeGreaterThan(4.5);
      await page.locator('#log summary').click();

      await row(page, 'node-1').click();
      await page.locator('#detail canvas').nth(1).waitFor();
      await eventually(() => page.locator('#detail .words').textContent()).toContain(
        'every 1.00 s ± 21 ms',
      );
      expect(await page.locator('#detail .status').textContent()).toContain('zombie');
      expect(await scrolls(page)).toBeLessThanOrEqual(0);
      expect((await page.evaluate(leastContrast)).ratio).toBeGreaterThan(4.5);
      for (const pixels of await page.evaluate(painted)) expect(pixels).toBeGreaterThan(500);
      const ground = () => getComputedStyle(document.body).backgroundColor;
      const bright = Number(/\d+/.exec(await page.evaluate(ground))?.[0]) > 128;
      expect(bright).toBe(look.colorScheme === 'light');
      // What comes from outside is text.
      expect(await page.locator('#list b, #detail b').count()).toBe(0);
    });
  });

  it('shows a death within a second of its event, and the return', async () => {
    await open({ instances: 8, demo: true }, {}, async ({ page, fake }) => {
      await live(page);
      await recordStatuses(page);
      await row(page, 'node-3').click();
      await page.getByRole('button', { name: 'kill' }).click();
      await eventually(() => row(page, 'node-3').getAttribute('data-status')).toBe('dead');
      const seen = await statusesSeen(page);
      const event = fake.changes.find(({ id, status }) => id === 'node-3' && status === 'dead')!;
      expect(seen['node-3 dead'] - event.at).toBeLessThan(1000);
      expect(seen['node-3 dead'] - event.at).toBeGreaterThanOrEqual(0);
      expect(await row(page, 'node-3').locator('.status').textContent()).toBe('dead');
      expect(await page.locator('#counts [data-status="dead"]').textContent()).toBe('dead 1');
      await eventually(() => page.locator('#detail ol').textContent()).toContain('dead: silence');
      await eventually(() => row(page, 'node-3').locator('.due').textContent()).toContain('ago');
      await page.getByRole('button', { name: 'start' }).click();
      await eventually(() => row(page, 'node-3').getAttribute('data-status')).toBe('available');
    });
  });

  it('has curves that move', async () => {
    await open({ instances: 4 }, {}, async ({ page }) => {
      await row(page, 'node-2').click();
      const line = () => row(page, 'node-2').locator('polyline').getAttribute('points');
      await eventually(line).toMatch(/ /);
      const first = await line();
      await eventually(line).not.toBe(first);
      // Between frames too: pixels of the open curve differ from one look to the next.
      const pixels = () =>
        page.evaluate(() =>
          document.querySelector<HTMLCanvasElement>('.phi-chart canvas')?.toDataURL(),
        );
      const images = new Set<string | undefined>();
      for (let i = 0; i < 6; i++) images.add(await pixels());
      await eventually(async () => images.add(await pixels()).size).toBeGreaterThan(6);
      const { frames, still } = await page.evaluate(async () => {
        const chart = document.querySelector<HTMLCanvasElement>('.phi-chart canvas')!;
        let frames = 0;
        let still = 0;
        let before = chart.toDataURL();
        for (const end = performance.now() + 800; performance.now() < end; frames++) {
          await new Promise(requestAnimationFrame);
          const now = chart.toDataURL();
          still += +(now === before);
          before = now;
        }
        return { frames, still };
      });
      expect(still).toBeLessThan(frames);
    });
  });

  it('moves nothing between frames for those who asked for less motion', async () => {
    await open({ instances: 4 }, { reducedMotion: 'reduce' }, async ({ page, fake }) => {
      await row(page, 'node-2').click();
      await page.locator('.interval-chart canvas').waitFor();
      await eventually(() =>
        row(page, 'node-2').locator('polyline').getAttribute('points'),
      ).toMatch(/ /);
      fake.frames = false;
      const image = () =>
        page.evaluate(() =>
          document.querySelector<HTMLCanvasElement>('.phi-chart canvas')?.toDataURL(),
        );
      // A last frame may be on its way.
      await page.evaluate(() => new Promise((done) => setTimeout(done, 300)));
      const before = await image();
      await page.evaluate(() => new Promise((done) => setTimeout(done, 500)));
      expect(await image()).toBe(before);
    });
  });

  it('drains, takes it back, and says what was refused where it was asked', async () => {
    const allowed = /409 \(Conflict\)/; // the browser tells of every refusal by itself
    await open({ instances: 4, demo: true }, { allowed }, async ({ page, fake }) => {
      await row(page, 'node-1').click();
      await page.getByRole('button', { name: 'Drain', exact: true }).click();
      await eventually(() => fake.view('node-1')?.draining).toBe(true);
      await row(page, 'node-1').getByText('draining').waitFor();
      await page.getByRole('button', { name: 'Undrain' }).click();
      await eventually(() => fake.view('node-1')?.draining).toBe(false);
      await page.getByRole('button', { name: 'freeze' }).click();
      await eventually(() => page.locator('#detail > .wrong').textContent()).toBe(
        'cannot freeze <i>node-1</i>',
      );
      fake.change('node-1', 'removed', {}, 'operator');
      await eventually(() => page.locator('#detail .status').textContent()).toContain('No longer');
      await eventually(() => row(page, 'node-1').count()).toBe(0);
    });
  });

  it('is used with the keyboard alone', async () => {
    await open({ instances: 40 }, {}, async ({ page }) => {
      await live(page);
      const active = () =>
        page.evaluate(() => {
          const id = document.getElementById('list')!.getAttribute('aria-activedescendant');
          const element = id === null ? null : document.getElementById(id);
          return element?.dataset.id ?? element?.querySelector('strong')?.textContent;
        });
      const focused = () => page.evaluate(() => document.activeElement?.id);
      await page.keyboard.press('/');
      expect(await focused()).toBe('search');
      await page.keyboard.type('payments');
      await eventually(() => page.locator('.row.group:visible').count()).toBe(1);
      await page.keyboard.press('Enter');
      expect(await focused()).toBe('list');
      const outline = () => getComputedStyle(document.activeElement!).outlineStyle;
      expect(await page.evaluate(outline)).not.toBe('none');
      await eventually(active).toBe('payments');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      await eventually(active).toBe('node-6');
      await page.keyboard.press('Enter');
      await eventually(() => page.locator('#detail h2').textContent()).toBe('node-6');
      expect(await focused()).toBe('detail-title');
      await page.keyboard.press('Escape');
      await eventually(() => page.locator('#detail').isVisible()).toBe(false);
      expect(await focused()).toBe('list');
      await page.keyboard.press('ArrowLeft'); // to its group
      await eventually(active).toBe('payments');
      await page.keyboard.press('ArrowLeft'); // folds it
      await eventually(() => page.locator('.row.instance:visible').count()).toBe(0);
      await page.keyboard.press('/');
      await page.keyboard.press('Escape'); // ends the search
      // The headings, four groups, and the instances of three of them.
      await eventually(() => page.locator('#list').getAttribute('aria-rowcount')).toBe('35');
      await page.keyboard.press('End');
      await eventually(active).toBe('node-40');
      expect(await row(page, 'node-40').isVisible()).toBe(true);
      await page.keyboard.press('Home');
      await eventually(active).toBe('orders');
    });
  });

  it('says that it reconnects and that figures are old, and goes on', async () => {
    const allowed = /Failed to load resource|ERR_/;
    await open({ instances: 4 }, { allowed }, async ({ page, fake, url }) => {
      await live(page);
      await row(page, 'node-1').waitFor();
      fake.frames = false;
      await page.locator('#connection[data-state="silent"]').waitFor();
      expect(await page.locator('#connection').textContent()).toContain('figures are old');
      expect((await page.evaluate(leastContrast)).ratio).toBeGreaterThan(4.5);
      fake.frames = true;
      await live(page);
      await fake.close();
      await page.locator('#connection[data-state="reconnecting"]').waitFor();
      expect(await page.evaluate(() => document.documentElement.hasAttribute('data-old'))).toBe(
        true,
      );
      const next = new FakeRegistry({ instances: 6 });
      try {
        await next.listen(Number(new URL(url).port));
        await row(page, 'node-6').waitFor();
        await live(page);
        next.disconnect(); // the browser itself comes back after this
        next.change('node-6', 'removed', {});
        await eventually(() => row(page, 'node-6').count()).toBe(0);
      } finally {
        await next.close();
      }
    });
  });

  it('lives on after messages that it does not know', async () => {
    await open({ instances: 4 }, {}, async ({ page, fake }) => {
      await row(page, 'node-1').waitFor();
      fake.say('change', '{"revision":1e9,"kind":"status","instance":null}');
      fake.say('snapshot', 'no JSON');
      fake.say('frame', '{"at":"noon","rows":[[],["node-1"],7,["node-1",null,"x",{}]]}');
      fake.say('frame', '{"rows":7}');
      fake.say('gossip', '{}');
      fake.change('node-2', 'status', { status: 'on-holiday' as never });
      await eventually(() => row(page, 'node-2').locator('.status').textContent()).toBe(
        'on-holiday',
      );
      expect(await page.locator('#nothing').textContent()).toContain('3 messages not understood');
      await eventually(() => row(page, 'node-1').locator('.phi').textContent()).toMatch(/^\d/);
    });
  });

  it('signs in where a token is needed, and out', async () => {
    const allowed = /401 \(Unauthorized\)/;
    await open({ instances: 4, token: 'open sesame' }, { allowed }, async ({ page, fake }) => {
      const form = page.locator('#sign-in');
      await form.waitFor();
      await page.getByLabel('Token').fill('open barley');
      await page.keyboard.press('Enter');
      await eventually(() => form.locator('.wrong').textContent()).toContain('does not know');
      await page.getByLabel('Token').fill('open sesame');
      await page.keyboard.press('Enter');
      await row(page, 'node-1').waitFor();
      await live(page);
      expect(await form.isVisible()).toBe(false);
      // The token is in no place that a script could read.
      const kept = () =>
        JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }]);
      expect(await page.evaluate(kept)).toBe('["",{},{}]');
      expect(fake.requests.join()).not.toContain('sesame');
      await page.getByRole('button', { name: 'Sign out' }).click();
      await form.waitFor();
    });
  });

  it('stays smooth with 1,000 instances', async () => {
    await open({ instances: 1000 }, {}, async ({ page, fake }) => {
      await live(page);
      await row(page, 'node-1').waitFor();
      // Loading is over: what follows is a frame a second, scrolling, and a death now and then.
      await eventually(() =>
        row(page, 'node-1').locator('polyline').getAttribute('points'),
      ).toMatch(/ /);
      for (const id of ['node-7', 'node-9', 'node-500']) fake.kill(id);
      const client = await page.context().newCDPSession(page);
      await client.send('Performance.enable');
      const figures = async () => {
        const { metrics } = await client.send('Performance.getMetrics');
        return Object.fromEntries(metrics.map(({ name, value }) => [name, 1000 * value]));
      };
      const before = await figures();
      const measured = await page.evaluate(async () => {
        const tasks: number[] = [];
        new PerformanceObserver((list) => {
          for (const { duration } of list.getEntries()) tasks.push(duration);
        }).observe({ entryTypes: ['longtask'] });
        const list = document.getElementById('list')!;
        let writes = 0;
        new MutationObserver((records) => {
          writes += records.length;
        }).observe(list, { subtree: true, childList: true, attributes: true, characterData: true });
        const gaps: number[] = [];
        let rows = 0;
        for (let before = performance.now(), i = 0; gaps.length < 360; i++) {
          await new Promise(requestAnimationFrame);
          const now = performance.now();
          gaps.push(now - before);
          before = now;
          list.scrollTop = (i * 67) % (list.scrollHeight - list.clientHeight);
          rows = Math.max(rows, document.querySelectorAll('.row').length);
        }
        gaps.sort((a, b) => a - b);
        const at = (share: number) => gaps[Math.floor(share * (gaps.length - 1))];
        return { tasks, rows, writes, median: at(0.5), p99: at(0.99), longest: at(1) };
      });
      const after = await figures();
      const names = ['ScriptDuration', 'LayoutDuration', 'RecalcStyleDuration'] as const;
      const perFrame = names.map((name) => (after[name] - before[name]) / 360);
      process.stdout.write(`1,000 instances: ${JSON.stringify({ ...measured, perFrame })}\n`);
      // Only what is in sight exists.
      expect(measured.rows).toBeLessThan(60);
      // A frame of 67 px brings one or two of 26 rows into sight: the others are not written.
      expect(measured.writes / 360).toBeLessThan(60);
      // In ms, of the 16.7 that the screen gives a frame; 3 on a machine with five other things to
      // do. Tasks of more than 50 ms are printed above: such a machine adds some by itself.
      expect(perFrame.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(16);
      await eventually(() => page.locator('#counts [data-status="dead"]').textContent()).toBe(
        'dead 3',
      );
    });
  });
});

/** Nodes of a real service, which beat by HTTP until they are told not to. */
class Nodes {
  readonly #stopped = new Set<string>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly failures: string[] = [];
  kill = (id: string): boolean => this.#stopped.size < this.#stopped.add(id).size;
  freeze = this.kill;
  start = (id: string): boolean => this.#stopped.delete(id);
  resume = this.start;

  async begin(url: string, id: string, service: string, token = ''): Promise<void> {
    const post = async (path: string, body: object) => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
      const response = await fetch(url + path, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      if (!response.ok) this.failures.push(`${path}: ${response.status} ${await response.text()}`);
      return response.json().catch(() => ({}));
    };
    const address = '127.0.0.1:80';
    const { generation, secret } = await post('/register', {
      id,
      service,
      address,
      heartbeatInterval: 500,
    });
    let sequence = 0;
    const beat = () => {
      if (this.#stopped.has(id)) return;
      void post(`/heartbeat/${id}`, { generation, secret, sequence: ++sequence });
    };
    this.#timers.push(setInterval(beat, 500));
  }

  end(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}

describe.skipIf(missing)('the page of the service', () => {
  const dashboard = join(root, 'dist/dashboard');
  let nodes: Nodes;
  beforeEach(() => {
    nodes = new Nodes();
  });
  afterEach(() => {
    nodes.end();
    expect(nodes.failures).toEqual([]);
  });

  it('follows a node from its registration to its death and back', async () => {
    const { url, registry } = await start({ dashboard, demo: nodes });
    const events: { id: string; status: string; at: number }[] = [];
    registry.on('change', ({ instance }) => {
      events.push({ id: instance.id, status: instance.status, at: Date.now() });
    });
    await visit(browser(), url, {}, async (page) => {
      await live(page);
      expect(await page.locator('#nothing').textContent()).toBe('No instance has registered.');
      await recordStatuses(page);
      for (const id of ['a', 'b', 'c', 'd', 'e']) await nodes.begin(url, id, 'web');
      await eventually(() => page.locator('#counts [data-status="available"]').textContent()).toBe(
        'available 5',
      );
      await row(page, 'c').click();
      await eventually(() => page.locator('#detail .words').textContent()).toContain(
        'Heartbeats come',
      );
      await page.locator('.interval-chart canvas').waitFor();
      await eventually(async () => Math.min(...(await page.evaluate(painted)))).toBeGreaterThan(
        500,
      );
      await page.getByRole('button', { name: 'kill' }).click();
      await eventually(() => row(page, 'c').getAttribute('data-status')).toBe('dead');
      const event = events.find(({ id, status }) => id === 'c' && status === 'dead');
      const seen = await statusesSeen(page);
      expect(seen['c dead'] - event!.at).toBeLessThan(1000);
      expect(seen['c dead'] - event!.at).toBeGreaterThanOrEqual(0);
      await eventually(() => page.locator('#detail ol').textContent()).toMatch(
        /dead: (silence|stall)/,
      );
      expect(registry.route('web').excluded.map(({ id }) => id)).toContain('c');
      await page.getByRole('button', { name: 'start' }).click();
      await eventually(() => row(page, 'c').getAttribute('data-status')).toBe('available');
      await page.getByRole('button', { name: 'Drain', exact: true }).click();
      await row(page, 'c').getByText('draining').waitFor();
      expect(registry.get('c')?.draining).toBe(true);
      await page.getByRole('button', { name: 'Undrain' }).click();
      await eventually(() => registry.get('c')?.draining).toBe(false);
    });
  });

  it('shows panic, and that removal is frozen', async () => {
    const { url } = await start({ dashboard, demo: nodes });
    await visit(browser(), url, {}, async (page) => {
      for (const id of ['a', 'b', 'c', 'd', 'e']) await nodes.begin(url, id, 'web');
      await eventually(() => page.locator('#counts [data-status="available"]').textContent()).toBe(
        'available 5',
      );
      for (const id of ['a', 'b', 'c', 'd']) nodes.kill(id);
      await eventually(() => page.locator('.notice[data-rule="panic"]').textContent()).toContain(
        '1 of 5 are available',
      );
      await page.locator('.notice[data-rule="removal"]').waitFor();
    });
  });

  it('gives each role what is its own', async () => {
    const { url } = await start({ dashboard, tokens: TOKENS, demo: nodes });
    await nodes.begin(url, 'a', 'web', TOKENS.node);
    const allowed = /401|403/;
    await visit(browser(), url, { allowed }, async (page) => {
      const signIn = async (token: string) => {
        await page.getByLabel('Token').fill(token);
        await page.keyboard.press('Enter');
      };
      await signIn('a token of nobody');
      await eventually(() => page.locator('#sign-in .wrong').textContent()).toContain(
        'does not know',
      );
      await signIn(TOKENS.node);
      await eventually(() => page.locator('#sign-in .wrong').textContent()).toContain(
        'one for nodes',
      );
      await signIn(TOKENS.reader);
      await row(page, 'a').click();
      await page.locator('#detail .words').getByText('Heartbeats come').waitFor();
      expect(await page.getByRole('button', { name: 'Drain' }).count()).toBe(0);
      expect(await page.getByRole('button', { name: 'kill' }).count()).toBe(0);
      await page.keyboard.press('Escape');
      await page.reload();
      await live(page);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await signIn(TOKENS.operator);
      await row(page, 'a').click();
      await page.getByRole('button', { name: 'Drain' }).waitFor();
      const [cookie] = await page.context().cookies();
      expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
    });
  });

  it.runIf(SCREENSHOT)('is written as a picture', async () => {
    const { url } = await start({ dashboard, demo: nodes });
    const services = ['orders', 'payments', 'search'];
    for (let i = 0; i < 12; i++) await nodes.begin(url, `node-${i + 1}`, services[i % 3]);
    const look = { width: 1280, height: 900 };
    await visit(browser(), url, look, async (page) => {
      await page.locator('#log summary').click();
      await row(page, 'node-4').click();
      await page.waitForTimeout(35_000);
      await page.getByRole('button', { name: 'kill' }).click();
      await eventually(() => row(page, 'node-4').getAttribute('data-status')).toBe('dead');
      await page.waitForTimeout(1500);
      await page.screenshot({ path: SCREENSHOT });
    });
  });
});
