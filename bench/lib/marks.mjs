/** Pages with parts that programs write: between two marks. */
import { readFile, writeFile } from 'node:fs/promises';

/** Replaces what is between the marks of the page at `url`; the lines bring the marks with them. */
export async function writeBetween(url, begin, end, lines) {
  const [before, rest] = (await readFile(url, 'utf8')).split(begin);
  const [, after] = (rest ?? '').split(end);
  if (after === undefined) throw new Error(`${url.pathname}: no place for figures (${begin})`);
  await writeFile(url, before + [begin, '', ...lines, '', end].join('\n') + after);
}
