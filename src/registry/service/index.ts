/** What 'phi-accrual/service' exports. */
export type { InstanceView } from '../views.js';
