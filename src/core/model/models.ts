/** The models by the names that option `model` takes. */

import { calibrated } from './calibrated/model.js';
import type { ModelName } from './distributions.js';
import type { ModelFactory } from './model.js';
import { exponential, logistic, normal } from './window-model.js';

export const models: Readonly<Record<ModelName, ModelFactory>> = {
  normal,
  logistic,
  exponential,
  calibrated,
};
