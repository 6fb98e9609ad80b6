/** A Chromium of the system, for tests of pages. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** A browser for all tests of a file, which are to be skipped where it is missing. */
export function useBrowser(): { readonly missing: boolean; readonly browser: () => Browser } {
  const executablePath = findChromium();
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (executablePath === undefined) return;
    // Containers have no user namespaces for its sandbox, and pages of our own need none.
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });
  afterAll(() => browser?.close());
  return { missing: executablePath === undefined, browser: () => browser as Browser };
}

/** The path of a browser: `CHROMIUM`, or what is in `PATH`; undefined, and a word, if there is none. */
function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const given = process.env.CHROMIUM;
  const found = (given ? [given] : candidates).find(isExecutable);
  if (found === undefined) {
    process.stderr.write(`skipped: no ${given ?? 'Chromium in PATH'}; CHROMIUM names one\n`);
  }
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
