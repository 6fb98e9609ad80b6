/** Numbers and errors as a person reads them. */

/** Milliseconds, or seconds from 10 s on. */
export function formatMs(ms: number, digits = 0): string {
  return Math.abs(ms) < 10_000 ? `${ms.toFixed(digits)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Ids come from the network: nothing in them may move the cursor. */
export function printable(id: string): string {
  return id.replace(/[\p{C}\p{Z}]/gu, '?');
}

/** The usual reasons why a port cannot be had, in words. */
export function describeSystemError(error: unknown, where: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `${where}: the port is in use`;
  if (code === 'EACCES') return `${where}: not permitted`;
  if (code === 'EADDRNOTAVAIL') return `${where}: not an address of this machine`;
  return `${where}: ${message}`;
}
