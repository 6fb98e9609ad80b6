/** Reports as people see them: in a real browser. Needs the build (npm ci makes it). */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBrowser } from '../support/chromium.js';
import { cli, root } from '../support/processes.js';

const { missing, browser } = useBrowser();
const folder = mkdtempSync(join(tmpdir(), 'phi-report-'));
const trace = (name: string) => join(root, `test/traces/${name}_100ms.csv.gz`);
/** By name: what is asked, and the exit code of its answer. */
const REPORTS = {
  chosen: { args: [trace('netns_relay_wan'), '--max-mistakes', '100/hour'], code: 0 },
  refused: { args: [trace('netns_clean'), '--max-mistakes', '1/day'], code: 1 },
  never: { args: [trace('netns_clean'), '--detect-within', '20'], code: 1 },
  sessions: { args: [join(folder, 'sessions.csv'), '--detect-within', '1000'], code: 0 },
};
type Name = keyof typeof REPORTS;
const names = Object.keys(REPORTS) as Name[];
const page = (name: Name) => join(folder, `${name} & co.html`);

/** Four senders with names that are markup. */
function sessionsTrace(): string {
  const rows = ['session,seq,send_ms,recv_ms'];
  for (let session = 0; session < 4; session++) {
    for (let i = 0; i < 150; i++) {
      const late = (i * i * 7919 + session * 31) % 23;
      rows.push(`<b onclick=alert(1)>${session}&lt;</b>,${i},${i * 100},${i * 100 + late}`);
    }
  }
  return `${rows.join('\n')}\n`;
}

beforeAll(async () => {
  writeFileSync(join(folder, 'sessions.csv'), sessionsTrace());
  for (const name of names) {
    const { args, code } = REPORTS[name];
    const models = ['--models', 'normal,exponential,calibrated'];
    const all = [cli, 'tune', ...args, ...models, '--report', page(name)];
    const { status, stderr } = spawnSync(process.execPath, all, { encoding: 'utf8' });
    expect(stderr).toBe(`report: ${page(name)}\n`);
    expect(status).toBe(code);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs in the page: everything that is seen of its charts. */
function look() {
  const inside = (a: DOMRect, b: DOMRect) =>
    a.left >= b.left - 1 &&
    a.right <= b.right + 1 &&
    a.top >= b.top - 1 &&
    a.bottom <= b.bottom + 1;
  const overlap = (a: DOMRect, b: DOMRect) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  const visible = [...document.querySelectorAll('svg')].filter((svg) => svg.checkVisibility());
  return visible.map((svg) => {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].map((text) => ({
      text: text.textContent,
      box: text.getBoundingClientRect(),
    }));
    // By colour of the page; grid and axes have none of these.
    const marks: Record<string, number> = {};
    for (const mark of svg.querySelectorAll('path, rect, circle, polygon, polyline, line')) {
      const { width, height } = mark.getBoundingClientRect();
      if (!(width > 0 || height > 0) || mark.closest('defs')) continue;
      for (const paint of [mark.getAttribute('fill'), mark.getAttribute('stroke')]) {
        const [, colour] = /^var\(--(\w+)\)$/.exec(paint ?? '') ?? [];
        if (colour) marks[colour] = (marks[colour] ?? 0) + 1;
      }
    }
    return {
      id: svg.closest('section')?.id ?? '',
      width: frame.width,
      height: frame.height,
      fits: frame.right <= innerWidth && frame.left >= 0,
      fontSize: (12 * frame.width) / svg.viewBox.baseVal.width,
      marks,
      longest: Math.max(...[...svg.querySelectorAll('path')].map((path) => path.getTotalLength())),
      texts: texts.length,
      cut: texts.filter(({ box }) => !inside(box, frame)).map(({ text }) => text),
      overlapping: texts.flatMap((a, i) =>
        texts.slice(i + 1).flatMap((b) => (overlap(a.box, b.box) ? [`${a.text} ${b.text}`] : [])),
      ),
    };
  });
}

/** Runs in the page: the least contrast of text against its ground, by the formula of WCAG 2. */
function leastContrast() {
  const luminance = (colour: string) => {
    const [r, g, b] = (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map((channel) => {
      const share = Number(channel) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = luminance(getComputedStyle(document.body).backgroundColor);
  const colours = [...document.querySelectorAll('p, td, th, li, dt, figcaption, svg text')]
    .filter((element) => element.checkVisibility())
    .map((element) => {
      const { fill, color } = getComputedStyle(element);
      return luminance(element instanceof SVGElement ? fill : color);
    });
  return Math.min(
    ...colours.map((text) => (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05)),
  );
}

async function open(
  name: Name,
  width: number,
  colorScheme: 'light' | 'dark',
  watch: (opened: Page) => Promise<void>,
): Promise<void> {
  const opened = await browser().newPage({
    viewport: { width, height: 900 },
    colorScheme,
  });
  const wrong: string[] = [];
  opened.on('console', (message) => wrong.push(message.text()));
  opened.on('pageerror', (error) => wrong.push(error.message));
  opened.on('dialog', (dialog) => wrong.push(dialog.message()));
  const own = pathToFileURL(page(name)).href;
  opened.on('request', (request) => {
    if (request.url() !== own && !request.url().startsWith('data:')) wrong.push(request.url());
  });
  try {
    await opened.goto(own);
    await watch(opened);
  } finally {
    await opened.close();
  }
  expect(wrong).toEqual([]);
}

/** How many of a colour each chart has, at least. */
const MODELS = ['normal', 'exponential', 'calibrated'];
const ofEach = (least: number) => Object.fromEntries(MODELS.map((model) => [model, least]));
const MARKS: Record<string, Record<string, number>> = {
  'trade-off': { ...ofEach(3), bad: 1 },
  phi: { ink: 1, bad: 1, band: 1 },
  gaps: { ...ofEach(1), logistic: 1, bars: 10 },
  calibration: { ...ofEach(1), band: 1 },
};

describe.skipIf(missing)('a report in a browser', () => {
  const views = names.flatMap((name) =>
    (['light', 'dark'] as const).flatMap((scheme) =>
      [1000, 400].map((width) => ({ name, scheme, width })),
    ),
  );

  it.each(views)('$name, $scheme, $width px: all is there', async ({ name, scheme, width }) => {
    await open(name, width, scheme, async (opened) => {
      const charts = await opened.evaluate(look);
      expect(charts.map(({ id }) => id)).toEqual(['trade-off', 'phi', 'gaps', 'calibration']);
      for (const { id, ...chart } of charts) {
        expect(chart, id).toMatchObject({ fits: true, cut: [], overlapping: [] });
        expect(chart.width, id).toBeGreaterThan(300);
        expect(chart.height, id).toBeGreaterThan(250);
        expect(chart.fontSize, id).toBeGreaterThan(11);
        expect(chart.texts, id).toBeGreaterThan(7);
        for (const [colour, least] of Object.entries(MARKS[id])) {
          expect(chart.marks[colour], `${colour} in ${id}`).toBeGreaterThanOrEqual(least);
        }
        // φ up and down, through the whole trace.
        if (id === 'phi') expect(chart.longest).toBeGreaterThan(2 * chart.width);
      }
      const scrolls = () => document.documentElement.scrollWidth - innerWidth;
      expect(await opened.evaluate(scrolls)).toBeLessThanOrEqual(0);
      expect(await opened.evaluate(leastContrast)).toBeGreaterThan(4.5);
      const ground = () => getComputedStyle(document.body).backgroundColor;
      const bright = Number(/\d+/.exec(await opened.evaluate(ground))?.[0]) > 128;
      expect(bright).toBe(scheme === 'light');
    });
  });

  it('has a warm-up for every session, and no markup in their names', async () => {
    await open('sessions', 1000, 'light', async (opened) => {
      const charts = await opened.evaluate(look);
      expect(charts.find(({ id }) => id === 'phi')?.marks.band).toBe(4);
      expect(await opened.locator('#phi').textContent()).toContain('<b onclick=');
      expect(await opened.locator('b').count()).toBe(0);
    });
  });

  it('is printed on a few pages, dark scheme or not', async () => {
    await open('chosen', 1000, 'dark', async (opened) => {
      const pdf = await opened.pdf({ format: 'A4', printBackground: true });
      const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length;
      expect(pages).toBeGreaterThan(1);
      expect(pages).toBeLessThan(7);
      await opened.emulateMedia({ media: 'print' });
      const ground = () => getComputedStyle(document.body).backgroundColor;
      expect(await opened.evaluate(ground)).toBe('rgb(255, 255, 255)');
    });
  });
});

describe('phi-accrual tune --report', () => {
  it('writes little, and overwrites it', () => {
    for (const name of names) expect(statSync(page(name)).size).toBeLessThan(300_000);
    const before = readFileSync(page('refused'), 'utf8');
    const again = [cli, 'tune', trace('netns_clean'), '--detect-within', '200'];
    execFileSync(process.execPath, [...again, '--report', page('refused')], { stdio: 'ignore' });
    expect(readFileSync(page('refused'), 'utf8')).not.toBe(before);
  });

  it.each([
    [['--report', join(folder, 'no/such.html')], /no such directory/],
    [['--report', folder], /a directory/],
    [['--report', join(folder, 'sessions.csv')], /that is the trace/],
  ])('%j is one line and exit code 2, before anything is searched', (args, reason) => {
    const all = [cli, 'tune', join(folder, 'sessions.csv'), '--detect-within', '1000', ...args];
    const { status, stderr, stdout } = spawnSync(process.execPath, all, { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(reason);
    expect(stderr).toMatch(/^phi-accrual: .+\n$/);
    expect(readFileSync(join(folder, 'sessions.csv'), 'utf8')).toBe(sessionsTrace());
  });

  it('is all that loads ECharts', () => {
    const loaded = (...args: string[]) =>
      spawnSync(process.execPath, ['--input-type=module', '--eval', args.join('\n')], {
        encoding: 'utf8',
        cwd: root,
        env: { ...process.env, NODE_DEBUG: 'esm' },
      });
    for (const entry of ['lab', 'index', 'udp', 'metrics']) {
      const { status, stderr } = loaded(`await import('./dist/${entry}.js')`);
      expect(status).toBe(0);
      expect(stderr).toMatch(new RegExp(`dist/${entry}\\.js`));
      expect(stderr).not.toMatch(/dist\/report-|echarts/);
    }
    const licences = readFileSync(join(root, 'dist/THIRD-PARTY.txt'), 'utf8');
    for (const name of ['echarts', 'zrender', 'tslib']) {
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
    }
    expect(licences).toContain('Apache License');
    expect(licences).toContain('Redistributions in binary form');
  });
});
