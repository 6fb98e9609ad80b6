/** What 'phi-accrual/health' exports. */
export type { Check, CheckAnswer, CheckResult } from './check.js';
