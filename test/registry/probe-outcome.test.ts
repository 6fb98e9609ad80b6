/** Whose failure a poll's failure is: the table of docs/probing.md, line by line. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Contacts } from '../../src/registry/probe/contacts.js';
import { OURS, outcomeOf, type Phase } from '../../src/registry/probe/outcome.js';

const error = (code: string) => Object.assign(new Error(code), { code });
const timeout = Object.assign(new Error('timeout after 5ms'), { name: 'TimeoutError' });
const both = (...errors: unknown[]) => new AggregateError(errors);

describe('outcomeOf', () => {
  it('what this machine could not do is never the target’s failure, at any point', () => {
    for (const code of Object.keys(OURS)) {
      for (const phase of ['resolving', 'connecting', 'connected'] as Phase[]) {
        expect(outcomeOf(error(code), phase, true)).toBe('unreached');
      }
    }
  });

  it('the document names every code of them, but for those of looking up', () => {
    const document = readFileSync(new URL('../../docs/probing.md', import.meta.url), 'utf8');
    const names = /^(E(AI_|SERVFAIL|TIMEOUT|NODATA|NOTFOUND))/;
    const missing = Object.keys(OURS).filter(
      (code) => !names.test(code) && !document.includes(code),
    );
    expect(missing).toEqual([]);
  });

  it('looking up: whatever the code', () => {
    for (const each of [error('ENOTFOUND'), error('EWHATEVER'), timeout, undefined, 'text']) {
      expect(outcomeOf(each, 'resolving', true)).toBe('unreached');
    }
  });

  it('what the target or its machine did is its failure', () => {
    for (const each of ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'HPE_INVALID_CONSTANT', 'EPROTO']) {
      for (const contact of [true, false]) {
        expect(outcomeOf(error(each), 'connecting', contact)).toBe('failed');
        expect(outcomeOf(error(each), 'connected', contact)).toBe('failed');
      }
    }
    for (const odd of [undefined, null, 'text', {}, new Error('x')]) {
      expect(outcomeOf(odd, 'connected', false)).toBe('failed');
    }
    // A name from outside that happens to be one of an object's own.
    expect(outcomeOf(error('constructor'), 'connected', true)).toBe('failed');
  });

  it('silence: while connecting by whether others are reached, after it the target', () => {
    for (const silence of [timeout, error('ETIMEDOUT'), both(timeout, error('ENETUNREACH'))]) {
      expect(outcomeOf(silence, 'connecting', true)).toBe('failed');
      expect(outcomeOf(silence, 'connecting', false)).toBe('unreached');
      expect(outcomeOf(silence, 'connected', false)).toBe('failed');
    }
  });

  it('of several addresses one that was reached decides', () => {
    const none = both(error('ENETUNREACH'), error('EHOSTUNREACH'));
    expect(outcomeOf(none, 'connecting', true)).toBe('unreached');
    const refused = both(error('ENETUNREACH'), error('ECONNREFUSED'));
    expect(outcomeOf(refused, 'connecting', true)).toBe('failed');
    expect(outcomeOf(both(timeout, error('ECONNREFUSED')), 'connecting', false)).toBe('failed');
  });

  it('a certificate that we do not trust is our verdict', () => {
    for (const code of [
      'CERT_HAS_EXPIRED',
      'CERT_NOT_YET_VALID',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ]) {
      expect(outcomeOf(error(code), 'connecting', true)).toBe('unreached');
    }
  });
});

describe('Contacts', () => {
  it('knows whether another one was reached of late', () => {
    const contacts = new Contacts(100);
    expect(contacts.hasOther('a', 0)).toBe(false);
    contacts.add('a', 0);
    expect([contacts.hasOther('a', 50), contacts.hasOther('b', 50)]).toEqual([false, true]);
    contacts.add('b', 60);
    contacts.add('b', 70);
    contacts.add('b', 80);
    expect([contacts.hasOther('a', 90), contacts.hasOther('b', 90)]).toEqual([true, true]);
    expect([contacts.hasOther('a', 180), contacts.hasOther('b', 101)]).toEqual([true, false]);
    expect(contacts.hasOther('a', 181)).toBe(false);
  });
});
