/**
 * What tuning found, as a page for people: self-contained HTML. Loads ECharts: import it only where
 * a page is wanted.
 */

import type { Arrivals } from '../replay/arrivals.js';
import { arrivalsOf } from '../replay/arrivals.js';
import type { Trace } from '../traces/trace.js';
import { halves } from '../tune/halves.js';
import type { TuneReport } from '../tune/tune.js';
import { calibrationChart } from './calibration-chart.js';
import { calibrations } from './calibrations.js';
import { gapChart } from './gap-chart.js';
import { figureOf, page } from './page.js';
import { type PhiChartInput, phiChart } from './phi-chart.js';
import { phiSeries } from './phi-series.js';
import { head, modelTable, type Origin, traceTable } from './tables.js';
import { tradeOffChart } from './trade-off-chart.js';

export type { Origin } from './tables.js';

/** @param tuned what {@link tune} said of that trace */
export async function report(trace: Trace, tuned: TuneReport, origin: Origin): Promise<string> {
  const sessions = trace.sessions.map(arrivalsOf).filter(({ at }) => at.length > 1);
  const charts = [
    tradeOffChart(tuned),
    phiChart(phiOf(trace, sessions, tuned)),
    gapChart(sessions, tuned.heartbeatInterval),
    calibrationChart(await calibrations(trace, tuned)),
  ];
  return page(`Settings for ${origin.name}`, [
    head(tuned, origin),
    modelTable(tuned),
    ...charts.map(figureOf),
    traceTable(trace, tuned, origin),
  ]);
}

/** The settings whose φ is shown: those that were chosen, else the next best thing. */
function settingsOf({ chosen, unproven, models, others }: TuneReport) {
  if (chosen) return { whose: 'the chosen settings', options: chosen.options };
  if (unproven) return { whose: 'the unproven settings', options: unproven };
  if (models.length > 0) return { whose: `the best settings`, options: models[0].options };
  const { curve } = others[0];
  return { whose: 'the surest settings', options: curve[curve.length - 1].options };
}

function phiOf(trace: Trace, sessions: readonly Arrivals[], tuned: TuneReport): PhiChartInput {
  const { whose, options } = settingsOf(tuned);
  const [, second] = halves(trace);
  // The half may begin with a session of which too little arrived to be shown.
  const [begin] = second.sessions.map(arrivalsOf).filter(({ at }) => at.length > 1);
  const session = sessions.findIndex(({ session }) => session === begin.session);
  return {
    whose: `${whose}, ${options.model ?? 'normal'}`,
    series: (stretches) => phiSeries(sessions, options, stretches),
    secondHalf: { session, at: begin.at[0] - sessions[session].at[0] },
  };
}
