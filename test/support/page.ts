/** A page in a browser that is watched: what is wrong on it, and how it looks. */
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { type FakeOptions, FakeRegistry } from './fake-service.js';

export interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
  readonly forcedColors?: 'active' | 'none';
  readonly reducedMotion?: 'reduce' | 'no-preference';
  /** What the console may say: where the service is meant to refuse or to go away. */
  readonly allowed?: RegExp;
}

/** A page of `url`; nothing may be wrong on it, and no request leave its origin. */
export async function visit(
  browser: Browser,
  url: string,
  { width = 1280, height = 800, allowed, ...look }: Look,
  watch: (page: Page) => Promise<void>,
): Promise<void> {
  const page = await browser.newPage({ viewport: { width, height }, ...look });
  const wrong: string[] = [];
  page.on('console', (message) => {
    const isLoud = message.type() === 'error' || message.type() === 'warning';
    if (isLoud && !allowed?.test(message.text())) wrong.push(message.text());
  });
  page.on('pageerror', (error) => wrong.push(error.stack ?? error.message));
  page.on('dialog', (dialog) => wrong.push(dialog.message()));
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/`) && !request.url().startsWith('data:')) {
      wrong.push(request.url());
    }
  });
  try {
    await page.goto(url);
    await watch(page);
  } finally {
    await page.close();
  }
  expect(wrong).toEqual([]);
}

export interface Opened {
  readonly page: Page;
  readonly fake: FakeRegistry;
  readonly url: string;
}

/** The page of a fake of its own. */
export async function openFake(
  browser: Browser,
  options: FakeOptions,
  look: Look,
  watch: (opened: Opened) => Promise<void>,
): Promise<void> {
  const fake = new FakeRegistry(options);
  const url = await fake.listen();
  try {
    await visit(browser, url, look, (page) => watch({ page, fake, url }));
  } finally {
    await fake.close();
  }
}

export const row = (page: Page, id: string) => page.locator(`.row.instance[data-id="${id}"]`);
export const live = (page: Page) => page.locator('#connection[data-state="live"]').waitFor();
/** On a machine that is busy too. */
export const eventually = <T>(value: () => T) =>
  expect.poll(value, { timeout: 20_000, interval: 20 });

/** Runs in the page: the least contrast of text against the ground that is painted behind it. */
export function leastContrast(): { ratio: number; text: string } {
  const channels = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour: string) => {
    const [r, g, b] = channels(colour).map((channel) => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element: Element): string => {
    const { backgroundColor } = getComputedStyle(element);
    const [, , , alpha = 1] = channels(backgroundColor);
    if (alpha === 1 || element.parentElement === null) return backgroundColor;
    return groundOf(element.parentElement);
  };
  let worst = { ratio: 21, text: '' };
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim(),
    );
    if (!own || !element.checkVisibility()) continue;
    const text = luminance(getComputedStyle(element).color);
    const ground = luminance(groundOf(element));
    const ratio = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    if (ratio < worst.ratio) worst = { ratio, text: element.textContent ?? '' };
  }
  return worst;
}

/** Runs in the page: how many pixels of each canvas are painted. */
export const painted = () =>
  [...document.querySelectorAll('canvas')].map((canvas) => {
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    let n = 0;
    for (let i = 3; i < data.length; i += 4) n += +(data[i] > 0);
    return n;
  });
