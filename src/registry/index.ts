/** What 'phi-accrual/registry' exports. */
export type * from './views.js';
