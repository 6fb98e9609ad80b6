/** A Chromium of the system, for tests of pages. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The path of a browser: `CHROMIUM`, or what is in `PATH`; undefined, and a word, if there is none. */
export function findChromium(): string | undefined {
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
