/** Who may do what: tokens for three roles, given by a file or by the environment. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { checkKeys, checkRange, checkType } from '../../core/validate.js';

/**
 * `node` registers, beats and ends its own lease; `reader` reads and reports failures; `operator`
 * may do everything.
 */
export type Role = 'node' | 'reader' | 'operator';

export const roles: readonly Role[] = ['node', 'reader', 'operator'];

/** Tokens by role, one or several each: several while they are being changed. */
export type Tokens = { readonly [R in Role]?: string | readonly string[] };

const LEAST = 16;
const MOST = 512;

/** In constant time: neither how much of a token is right nor which it is shows in the time. */
export class TokenCheck {
  readonly #key = randomBytes(32);
  readonly #tokens: readonly { readonly role: Role; readonly digest: Buffer }[];

  /** @throws TypeError, RangeError that name the role; the token itself is in no message */
  constructor(tokens: Tokens = {}) {
    const given: Tokens = checkKeys('tokens', tokens, roles);
    this.#tokens = roles.flatMap((role) => {
      const value = given[role] ?? [];
      const all: unknown[] = typeof value === 'string' ? [value] : [...value];
      return all.map((token) => {
        const name = `tokens.${role}`;
        checkType(name, 'a string, or several', '…', typeof token === 'string');
        const text = token as string;
        const fits = text.length >= LEAST && text.length <= MOST && /^[\x21-\x7e]+$/.test(text);
        const expected = `${LEAST} to ${MOST} visible ASCII characters`;
        checkRange(name, expected, `${text.length} characters`, fits);
        return { role, digest: this.#digest(text) };
      });
    });
  }

  /** Whether there are any: without tokens everybody may do everything. */
  get required(): boolean {
    return this.#tokens.length > 0;
  }

  /** The role of a token; undefined for none that is known. */
  roleOf(token: string): Role | undefined {
    const digest = this.#digest(token);
    let found: Role | undefined;
    for (const each of this.#tokens) {
      if (timingSafeEqual(each.digest, digest)) found = each.role;
    }
    return found;
  }

  #digest(token: string): Buffer {
    return createHmac('sha256', this.#key).update(token).digest();
  }
}

const VARIABLES = {
  node: 'PHI_ACCRUAL_NODE_TOKEN',
  reader: 'PHI_ACCRUAL_READER_TOKEN',
  operator: 'PHI_ACCRUAL_OPERATOR_TOKEN',
} as const;

/**
 * Tokens of a JSON file `{ "node": …, "reader": …, "operator": … }` and of the environment
 * together.
 *
 * @throws Error if the file cannot be read, is none, has no token, or may be read by everybody on
 * the machine
 */
export function readTokens(file: string | undefined, env: NodeJS.ProcessEnv): Tokens {
  const tokens: Record<Role, string[]> = { node: [], reader: [], operator: [] };
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
    for (const role of roles) tokens[role].push(...[(content as Tokens)[role] ?? []].flat());
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
