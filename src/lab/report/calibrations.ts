/** How often each model's φ is exceeded on the half of a trace that nothing was chosen by. */
import type { ModelName } from '../../core/model/distributions.js';
import type { DetectorOptions } from '../../core/options.js';
import { replay } from '../replay/replay.js';
import type { Calibration } from '../replay/score.js';
import type { Trace } from '../traces/trace.js';
import { halves } from '../tune/halves.js';
import type { TuneReport } from '../tune/tune.js';

export interface ModelCalibration {
  readonly model: ModelName;
  readonly options: DetectorOptions;
  /** For φ = 1 … 8. */
  readonly levels: readonly Calibration[];
}

/** Fewer are too few to tell a share by: √5 is nearly half of 5. */
const ENOUGH = 5;

/** Whether so many gaps are expected beyond that level that their share says something. */
export const isSupported = ({ phi, gaps }: Calibration): boolean => gaps * 10 ** -phi >= ENOUGH;

/** Of each model with its best settings; where none came near the goal, with the surest. */
export async function calibrations(
  trace: Trace,
  { models, others }: TuneReport,
): Promise<ModelCalibration[]> {
  const [, second] = halves(trace);
  const settings = [
    ...models.map(({ model, options }) => ({ model, options })),
    ...others.map(({ model, curve }) => ({ model, options: curve[curve.length - 1].options })),
  ];
  const rows: ModelCalibration[] = [];
  for (const { model, options } of settings) {
    const { calibration } = await replay(second, options);
    rows.push({ model, options, levels: calibration });
  }
  return rows;
}
