/** Who may do what: tokens for three roles, given by a file or by the environment. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { checkKeys, checkRange, checkType } from '../../core/validate.js';
import { hmac } from '../../sources/hmac.js';

/**
 * `node` registers, beats and ends its own lease; `reader` reads and reports failures; `operator`
 * may do everything.
 */
export type Role = 'node' | 'reader' | 'operator';

export const roles: readonly Role[] = ['node', 'reader', 'operator'];

/** A node's token that holds for some instances alone. In names `*` stands for any characters. */
export interface BoundToken {
  readonly token: string;
  /** The services that it may register for, as `'api'` or `'api-*'`. Default all. */
  readonly services?: readonly string[];
  /** The ids that it may register and beat for, as `'api-*'`. Default all. */
  readonly ids?: readonly string[];
}

type Several<T> = T | readonly T[];

/** Tokens by role, one or several each: several while they are being changed. */
export interface Tokens {
  readonly node?: Several<string | BoundToken>;
  readonly reader?: Several<string>;
  readonly operator?: Several<string>;
}

/** What a token allows. */
export interface Grant {
  readonly role: Role;
  /** Tells the budgets of one token from those of another; nothing of the token is in it. */
  readonly key: string;
  /** What it is bound to, in words; undefined for a token that holds for all instances. */
  readonly bounds: string | undefined;
  /** Whether it holds for an instance of that service and id. */
  allows(service: string, id: string): boolean;
}

/** What everybody is where no token is needed. */
export const EVERYBODY: Grant = {
  role: 'operator',
  key: '',
  bounds: undefined,
  allows: () => true,
};

const LEAST = 16;
const MOST = 512;

/** Whether a text is of a pattern in which `*` stands for any characters; in linear time. */
export function isLike(pattern: string, text: string): boolean {
  const [first, ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

function checkPatterns(name: string, given: unknown): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const expected = "a list of names, as 'api' or 'api-*'";
  checkType(name, expected, given, Array.isArray(given));
  const patterns: unknown[] = [...(given as unknown[])];
  // An empty one would look like no bound at all, and be a token for nothing.
  checkRange(name, `${expected}, with at least one`, '[]', patterns.length > 0);
  for (const each of patterns) {
    checkType(name, expected, each, typeof each === 'string' && each !== '');
  }
  return patterns as string[];
}

/** In constant time: neither how much of a token is right nor which it is shows in the time. */
export class TokenCheck {
  readonly #key = randomBytes(32);
  readonly #tokens: readonly { readonly grant: Grant; readonly digest: Buffer }[];

  /** @throws TypeError, RangeError that name the role; the token itself is in no message */
  constructor(tokens: Tokens = {}) {
    const given: Tokens = checkKeys('tokens', tokens, roles);
    this.#tokens = roles.flatMap((role) => {
      const value = given[role] ?? [];
      const all: unknown[] = Array.isArray(value) ? [...value] : [value];
      return all.map((each, i) => this.#check(role, each, i));
    });
    this.#tokens.forEach(({ digest, grant }, i) => {
      const other = this.#tokens.slice(0, i).find((each) => each.digest.equals(digest));
      const clear = !other || (grant.bounds ?? other.grant.bounds) === undefined;
      // Which of two bounds holds would be a guess.
      const expected = 'one entry for a token that is bound, with all that it holds for';
      checkRange(`tokens.${grant.role}`, expected, 'several', clear);
    });
  }

  #check(role: Role, given: unknown, i: number) {
    const name = `tokens.${role}`;
    const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
    const canBeBound = role === 'node';
    const expected = canBeBound
      ? 'a string, { token, services?, ids? }, or several'
      : 'a string, or several';
    checkType(name, expected, '…', typeof given === 'string' || (isObject && canBeBound));
    const bound = isObject
      ? checkKeys<BoundToken>(name, given as BoundToken, ['token', 'services', 'ids'])
      : undefined;
    const token: unknown = bound ? bound.token : given;
    checkType(`${name}.token`, 'a string', '…', typeof token === 'string');
    const text = token as string;
    const fits = text.length >= LEAST && text.length <= MOST && /^[\x21-\x7e]+$/.test(text);
    checkRange(
      name,
      `${LEAST} to ${MOST} visible ASCII characters`,
      `${text.length} characters`,
      fits,
    );
    const ofServices = checkPatterns(`${name}.services`, bound?.services);
    const ofIds = checkPatterns(`${name}.ids`, bound?.ids);
    const told = [
      ...(ofServices ? [`services ${ofServices.join(', ')}`] : []),
      ...(ofIds ? [`ids ${ofIds.join(', ')}`] : []),
    ];
    const isOf = (patterns: readonly string[] | undefined, text: string) =>
      patterns === undefined || patterns.some((pattern) => isLike(pattern, text));
    const grant: Grant = {
      role,
      key: `${role}-${i}`,
      bounds: told.length === 0 ? undefined : told.join(' and '),
      allows: (service, id) => isOf(ofServices, service) && isOf(ofIds, id),
    };
    return { grant, digest: this.#digest(text) };
  }

  /** Whether there are any: without tokens everybody may do everything. */
  get required(): boolean {
    return this.#tokens.length > 0;
  }

  /** What a token allows; undefined for none that is known. */
  grantOf(token: string): Grant | undefined {
    const digest = this.#digest(token);
    let found: Grant | undefined;
    for (const each of this.#tokens) {
      if (timingSafeEqual(each.digest, digest)) found = each.grant;
    }
    return found;
  }

  #digest(token: string): Buffer {
    return Buffer.from(hmac(this.#key, Buffer.from(token)), 'latin1');
  }
}

const VARIABLES = {
  node: 'PHI_ACCRUAL_NODE_TOKEN',
  reader: 'PHI_ACCRUAL_READER_TOKEN',
  operator: 'PHI_ACCRUAL_OPERATOR_TOKEN',
} as const;

/**
 * Tokens of a JSON file `{ "node": …, "reader": …, "operator": … }` and of the environment
 * together; a node's may be bound, `{ "token": …, "services": ["api"], "ids": ["api-*"] }`.
 *
 * @throws Error if the file cannot be read, is none, has no token, or may be read by everybody on
 * the machine
 */
export function readTokens(file: string | undefined, env: NodeJS.ProcessEnv): Tokens {
  const tokens = { node: [], reader: [], operator: [] } as {
    node: (string | BoundToken)[];
    reader: string[];
    operator: string[];
  };
  if (file !== undefined) {
    if (process.platform !== 'win32' && (statSync(file).mode & 0o007) !== 0) {
      throw new Error(`${file}: everybody on this machine may read it; chmod o= ${file}`);
    }
    let content: unknown;
    try {
      content = JSON.parse(readFileSync(file, 'utf8'));
    } catch (error) {
      // What stands near the mistake may be a token: V8's message would quote it.
      if (error instanceof SyntaxError) throw new Error(`${file}: no JSON`);
      throw error;
    }
    new TokenCheck(content as Tokens); // says what is wrong with it
    const { node = [], reader = [], operator = [] } = content as Tokens;
    tokens.node.push(...[node].flat());
    tokens.reader.push(...[reader].flat());
    tokens.operator.push(...[operator].flat());
    // Whoever names a file wants to be asked for tokens; without any nobody would be.
    if (roles.every((role) => tokens[role].length === 0))
      throw new Error(`${file}: no token in it`);
  }
  for (const role of roles) {
    const value = env[VARIABLES[role]];
    if (value !== undefined && value !== '') tokens[role].push(value);
  }
  return tokens;
}
