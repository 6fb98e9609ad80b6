/** Text of strangers: ids and names come from the network, and go into logs and onto terminals. */

/**
 * What moves a cursor, breaks a line or turns the order of characters: control characters (C0, DEL and
 * C1), line and paragraph separators, and the controls of bidirectional text.
 */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;
/** With halves of surrogate pairs, which do not survive UTF-8. */
const NO_TEXT = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Surrogate}]/u;

/** What is said of text that is none. */
export const PLAIN_TEXT = 'text without control characters';

/** Whether a name may be kept and shown. */
export const isPlainText = (text: string): boolean => !NO_TEXT.test(text);

/** The same on one line, with what is no plain text as `\u001b`. */
export const escaped = (text: string): string =>
  text.replace(CONTROLS, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
