/** The build that is measured: this one, or with `--build=DIR` that in DIR/dist. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const FLAG = '--build=';
const given = process.argv.find((argument) => argument.startsWith(FLAG));
const other = given && pathToFileURL(resolve(given.slice(FLAG.length), 'dist', 'index.js')).href;

export const { FailureDetector, PhiAccrualDetector, phiOfZ } = await import(other ?? 'phi-accrual');
