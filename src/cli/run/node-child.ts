/** Node as the command: it is made to beat for itself. */
import { basename } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ORDER, type RunOrder } from './order.js';

/** Beside this file in dist. */
const PRELOAD = fileURLToPath(new URL('./run-preload.cjs', import.meta.url));

/**
 * Required and not imported: `--import` makes Node load the program as a module, so that what hooks
 * into `require`, as TypeScript's and Babel's registers do, would never see it.
 */
const PRELOADED = `--require "${PRELOAD.replace(/[\\"]/g, '\\$&')}"`;

/** Whether a command is Node itself, which can be made to beat for itself. */
export const isNode = (command: string): boolean =>
  fileURLToPath(pathToFileURL(process.execPath)) === command ||
  /^(node|nodejs)(\.exe)?$/.test(basename(command));

/** The environment in which Node loads what beats. */
export function beatingEnvironment(order: Omit<RunOrder, 'nodeOptions'>): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: nodeOptions } = process.env;
  return {
    [ORDER]: JSON.stringify({ ...order, nodeOptions } satisfies RunOrder),
    NODE_OPTIONS: nodeOptions === undefined ? PRELOADED : `${nodeOptions} ${PRELOADED}`,
  };
}
