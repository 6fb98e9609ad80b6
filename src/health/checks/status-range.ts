/** Which statuses pass. */
import { checkType } from '../../core/validate.js';

/** From and to, both of them inclusive. */
export type StatusRange = readonly [from: number, to: number];

/** 200 to 299: neither a redirect, which is not followed, nor an error. */
export const SUCCESS: StatusRange = [200, 299];

export function checkStatusRange(name: string, value: unknown): StatusRange {
  const range = value as StatusRange;
  const fits =
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((each) => Number.isInteger(each) && each >= 100 && each <= 599) &&
    range[0] <= range[1];
  checkType(name, 'two statuses from 100 to 599, the lower one first', value, fits);
  return range;
}
