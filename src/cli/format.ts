/** Numbers and errors as a person reads them. */

/** Milliseconds, or seconds from 10 s on. */
export function formatMs(ms: number, digits = 0): string {
  return Math.abs(ms) < 10_000 ? `${ms.toFixed(digits)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** `1 peer`, `2 peers`. */
export const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/** Bytes in powers of a thousand, as files are measured. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Ids come from the network: nothing in them may move the cursor. Spaces are `space`. */
export function printable(id: string, space = '?'): string {
  return id.replace(/ /g, space).replace(/(?! )[\p{C}\p{Z}]/gu, '?');
}

/** An error with where it came from: only the lines of its stack are lines of their own. */
export function printableError({ name, message, stack = '' }: Error): string {
  const frames = stack.split('\n').filter((line) => /^ {4}at /.test(line));
  const said = message.split('\n').map((line) => printable(line, ' '));
  return [`${name}: ${said.join(' ')}`, ...frames.map((frame) => printable(frame, ' '))].join('\n');
}

/** The usual reasons why a port cannot be had, in words. */
export function describeSystemError(error: unknown, where: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `${where}: the port is in use`;
  if (code === 'EACCES') return `${where}: not permitted`;
  if (code === 'EADDRNOTAVAIL') return `${where}: not an address of this machine`;
  return `${where}: ${message}`;
}
