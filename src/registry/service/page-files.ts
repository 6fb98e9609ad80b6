/** The files of the page, read once. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.txt': 'text/plain; charset=utf-8',
};

/** Where the build puts them: beside the bundle that this is in. */
export function pageFolder(): string {
  const here = typeof __dirname === 'string' ? __dirname : dirname(fileURLToPath(import.meta.url));
  return join(here, 'dashboard');
}

/** The files of a folder by their names; none if there is no such folder. */
export function readPageFiles(
  folder: string,
): ReadonlyMap<string, { readonly type: string; readonly bytes: Uint8Array }> {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder).filter((name) => extname(name) in TYPES);
  return new Map(
    names.map((name) => [
      name,
      { type: TYPES[extname(name)], bytes: readFileSync(join(folder, name)) },
    ]),
  );
}
