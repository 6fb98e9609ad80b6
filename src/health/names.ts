/** Names of groups and checks: parts of a path, and of lines of text. */
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
