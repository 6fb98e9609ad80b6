/** Paths: which names a part of a path may have, and which path a URL asks for. */
import { checkRange, checkType } from '../core/validate.js';

const LONGEST = 200;

const isPart = (part: string): boolean => part !== '' && part !== '.' && part !== '..';

/**
 * A name that a URL can hold and that is one word of a line: no white space, no control characters,
 * no `?`, `#` or `%`; `/` between parts only.
 *
 * @throws TypeError, RangeError that name the option
 */
export function checkName(option: string, name: unknown): string {
  const expected = `1 to ${LONGEST} characters without white space, ?, #, %, and no empty part`;
  checkType(option, expected, name, typeof name === 'string');
  const text = name as string;
  const fits =
    text.length <= LONGEST && text.split('/').every(isPart) && !/[\s\p{Cc}\p{Cs}?#%]/u.test(text);
  checkRange(option, expected, text, fits);
  return text;
}

/** Where group and check were asked for in one name. */
export const under = (path: string, group: string): string | undefined =>
  path.startsWith(`${group}/`) ? path.slice(group.length + 1) : undefined;

export interface Location {
  /** Decoded, without the slash at its beginning. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/**
 * The path below `basePath`; undefined if it is not below it, or cannot be decoded. A query never
 * hides the path, and `//livez` is a path and no host.
 */
export function locate(url: string, basePath: string): Location | undefined {
  const [whole] = url.split('#', 1);
  const local = whole.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '');
  const mark = local.indexOf('?');
  const raw = mark < 0 ? local : local.slice(0, mark);
  let path: string;
  try {
    path = decodeURIComponent(raw);
  } catch {
    return undefined; // %zz is the path of nobody
  }
  const base = `${basePath}/`;
  if (!path.startsWith(base)) return undefined;
  const query = new URLSearchParams(mark < 0 ? '' : local.slice(mark + 1));
  return { path: path.slice(base.length), query };
}
