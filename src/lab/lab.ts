/** phi-accrual/lab: worlds in which detectors are tried. */
export type { Guard, MakeDetector, SimulatedOptions } from './detector-port.js';
export type { Fault, NetworkQuality, Which } from './faults.js';
export { INVARIANTS, type Invariant, type Violation } from './invariants.js';
export type { SimulationEvent } from './observer.js';
export type { Accuracy, Detection } from './quality.js';
export { type RandomScenarioOptions, randomScenario } from './random-scenario.js';
export { type Simulation, simulate } from './simulate.js';
export type { SimulateOptions } from './simulate-options.js';
