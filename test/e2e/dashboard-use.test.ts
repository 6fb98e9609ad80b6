/** The registry's page as it is used: linked to, read aloud, in the user's own colours. Needs the build. */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { useBrowser } from '../support/chromium.js';
import type { FakeOptions } from '../support/fake-service.js';
import { eventually, type Look, live, type Opened, openFake, row } from '../support/page.js';

const { missing, browser } = useBrowser();

const open = (options: FakeOptions, look: Look, watch: (opened: Opened) => Promise<void>) =>
  openFake(browser(), options, look, watch);
const heading = (page: Page) => page.locator('#detail h2').textContent();
const opened = (page: Page) => page.locator('#detail').isVisible();

describe.skipIf(missing)('the page in use', () => {
  it('has an address for each instance, and goes back', async () => {
    const allowed = /404 \(Not Found\)/; // the browser itself tells of it
    await open({ instances: 8 }, { allowed }, async ({ page, url }) => {
      await page.goto(`${url}/#instance=node-3`);
      await eventually(() => heading(page)).toBe('node-3');
      await eventually(() => page.locator('#detail .words').textContent()).toContain(
        'every 1.00 s',
      );
      await row(page, 'node-5').click();
      expect(await heading(page)).toBe('node-5');
      expect(await page.title()).toMatch(/^node-5 · /);
      expect(page.url()).toBe(`${url}/#instance=node-5`);
      await page.goBack();
      await eventually(() => heading(page)).toBe('node-3');
      await page.keyboard.press('Escape');
      expect(await opened(page)).toBe(false);
      expect(page.url()).toBe(`${url}/`);
      await page.goBack();
      await eventually(() => opened(page)).toBe(true);
      await page.goForward();
      await eventually(() => opened(page)).toBe(false);
      await page.goto(`${url}/#instance=nobody`);
      await eventually(() => page.locator('#detail .status').textContent()).toBe(
        'Not in the registry.',
      );
    });
  });

  it('keeps an instance open when the link to the list is followed, and closes it as ever', async () => {
    await open({ instances: 4 }, {}, async ({ page, fake, url }) => {
      await row(page, 'node-1').click();
      await page.evaluate(() => document.querySelector<HTMLElement>('.skip')?.click());
      expect(page.url()).toBe(`${url}/#list`);
      fake.change('node-1', 'removed', {}, 'ttl');
      const last = page.locator('#detail ol li').first();
      await eventually(() => last.textContent()).toContain('removed: ttl');
      expect(await page.title()).toMatch(/^node-1 · /);
      await page.keyboard.press('Escape');
      expect(await opened(page)).toBe(false);
      expect(await page.title()).not.toContain('node-1');
      expect(page.url()).toBe(`${url}/`);
    });
  });

  it('dates events by the registry, whose clock need not be that of this machine', async () => {
    const ahead = 3_600_000;
    await open({ instances: 4, ahead }, {}, async ({ page, fake }) => {
      await eventually(() => row(page, 'node-1').locator('.phi').textContent()).toMatch(/\d/);
      await row(page, 'node-1').click();
      fake.change('node-1', 'draining', { draining: true });
      fake.change('node-1', 'draining', { draining: false });
      fake.change('node-1', 'status', { status: 'critical' }, 'silence');
      const own = page.locator('#detail ol li');
      await eventually(() => own.count()).toBe(3); // each of them once
      const texts = (await own.allTextContents()).map((text) => text.slice(9));
      expect(texts).toEqual(['critical: silence', 'no longer draining', 'draining']);
      await page.locator('#log summary').click();
      const times = await page.locator('#log time').allTextContents();
      const seconds = times.map((time) => {
        const [h, m, s] = time.split(':').map(Number);
        return 3600 * h + 60 * m + s;
      });
      expect(seconds).toHaveLength(3);
      // An hour apart they would be, if some were dated by the page; at midnight a day.
      expect((Math.max(...seconds) - Math.min(...seconds)) % 86_390).toBeLessThan(600);
    });
  });

  it('explains an instance anew as soon as it changes', async () => {
    await open({ instances: 4 }, {}, async ({ page, fake }) => {
      await row(page, 'node-1').click();
      const words = page.locator('#detail .words');
      await eventually(() => words.textContent()).toContain('It is heard in time.');
      // What asks for it every two seconds rests while nobody looks.
      await page.evaluate(() => Object.defineProperty(document, 'hidden', { get: () => true }));
      fake.change('node-1', 'status', { status: 'zombie' }, 'silence');
      await eventually(() => words.textContent()).toContain('its service does not run');
    });
  });

  it('keeps the focus on a line of the log while others come', async () => {
    await open({ instances: 4 }, {}, async ({ page, fake }) => {
      await live(page);
      await page.locator('#log summary').click();
      fake.change('node-1', 'draining', { draining: true });
      const line = page.locator('#log button', { hasText: 'node-1' });
      await line.focus();
      fake.change('node-2', 'draining', { draining: true });
      await eventually(() => page.locator('#log li').count()).toBe(2);
      expect(await line.evaluate((element) => element === document.activeElement)).toBe(true);
      expect(await page.locator('#log li').first().textContent()).toContain('node-2');
    });
  });

  it('has its rows in the document in the order of the screen', async () => {
    await open({ instances: 200 }, {}, async ({ page, fake }) => {
      await row(page, 'node-1').waitFor();
      const list = page.locator('#list');
      for (const top of [3000, 500, 5000, 4800, 0, 900]) {
        await list.evaluate((element, y) => element.scrollTo(0, y), top);
        fake.change(`node-${(top % 7) + 1}`, 'status', { status: 'critical' });
        await page.evaluate(() => new Promise(requestAnimationFrame));
        await page.evaluate(() => new Promise(requestAnimationFrame));
        const places = await list.evaluate((element) =>
          [...element.querySelectorAll<HTMLElement>('.row')].map((each) =>
            Number(each.dataset.place),
          ),
        );
        expect(places.length).toBeGreaterThan(10);
        expect(places).toEqual([...places].sort((a, b) => a - b));
      }
    });
  });

  it('has shapes and a choice to be seen where colours are the user’s own', async () => {
    await open({ instances: 4 }, { forcedColors: 'active' }, async ({ page }) => {
      await row(page, 'node-1').click();
      await page.keyboard.press('Escape');
      const style = (selector: string, name: 'backgroundColor' | 'outlineStyle') =>
        page.evaluate(
          ([each, property]) =>
            getComputedStyle(document.querySelector(each) as Element)[property as 'color'],
          [selector, name],
        );
      expect(await style('.row .mark', 'backgroundColor')).not.toBe(
        await style('body', 'backgroundColor'),
      );
      expect(await style('.row.active', 'outlineStyle')).toBe('solid');
      const button = page.locator('#counts button:visible').first();
      const before = await button.evaluate((each) => getComputedStyle(each).backgroundColor);
      await button.click();
      await eventually(() =>
        button.evaluate((each) => getComputedStyle(each).backgroundColor),
      ).not.toBe(before);
    });
  });

  it('ends a search with Esc and leaves open what is open', async () => {
    await open({ instances: 4 }, {}, async ({ page }) => {
      await row(page, 'node-1').click();
      await page.keyboard.press('/');
      await page.keyboard.type('node-3');
      await page.keyboard.press('Escape');
      expect(await page.locator('#search').inputValue()).toBe('');
      expect(await opened(page)).toBe(true);
      await page.keyboard.press('Escape');
      expect(await opened(page)).toBe(false);
    });
  });

  it('says on a phone too that it is not connected, whatever is open', async () => {
    const look = { width: 360, height: 740, allowed: /Failed to load resource|ERR_/ };
    await open({ instances: 4 }, look, async ({ page, fake }) => {
      await row(page, 'node-1').click();
      fake.frames = false;
      await page.locator('#connection[data-state="silent"]').waitFor();
      const covered = await page.locator('#connection').evaluate((element) => {
        const { left, top, width, height } = element.getBoundingClientRect();
        return document.elementFromPoint(left + width / 2, top + height / 2) !== element;
      });
      expect(covered).toBe(false);
    });
  });

  it('shows nothing to who has signed out, and takes a token as it is pasted', async () => {
    const look = { allowed: /401 \(Unauthorized\)/ };
    await open({ instances: 4, token: 'open-sesame' }, look, async ({ page }) => {
      await page.getByLabel('Token').fill(' open-sesame ');
      await page.keyboard.press('Enter');
      await row(page, 'node-1').click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.locator('#sign-in').waitFor();
      expect(await page.locator('body').innerText()).not.toContain('node-1');
      expect(await page.locator('#list').isVisible()).toBe(false);
    });
  });
});
