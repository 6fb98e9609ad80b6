/** From the URL of a request to a path and a query, whatever form the URL has. */

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
