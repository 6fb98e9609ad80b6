/** The parts of the page that are words and figures. */
import type { Trace } from '../traces/trace.js';
import type { Tuned } from '../tune/search.js';
import type { TunedModel, TuneReport } from '../tune/tune.js';
import { formatHours, pasted, pastedLines, wish } from '../tune/words.js';
import { counted, duration, type Limited, percent, rate, whole, within } from './figures.js';
import { escaped } from './html.js';

/** Where a page comes from. */
export interface Origin {
  /** The name of the trace, as it was given. */
  readonly name: string;
  /** What makes the page again. */
  readonly command: string;
  /** Of this package. */
  readonly version: string;
  /** When the page was made. */
  readonly date: Date;
}

/** What was wished, and what came of it. */
export function head(report: TuneReport, { name }: Origin): string {
  const { goal, chosen, refusal, unproven, hours, tried } = report;
  const [first, second] = hours.map(formatHours);
  const verdict = chosen
    ? `<div class="verdict"><strong>Kept by these settings, with 95 % confidence</strong>
<pre><code>${escaped(pastedLines(chosen.options))}</code></pre></div>`
    : `<div class="verdict refused"><strong>No settings can be promised</strong>
<p>${escaped(refusal ?? '')}</p>${
        unproven
          ? `<p>Unproven, but meant for that:</p>
<pre><code>${escaped(pastedLines(unproven))}</code></pre>`
          : ''
      }</div>`;
  return `<h1>Settings for a failure detector</h1>
<p class="trace">from the trace ${escaped(name)}</p>
<p>Wished: <strong>${escaped(wish(goal))}</strong>.</p>
${verdict}
${chosen ? expected(chosen) : ''}
<p>${whole(tried)} settings were tried on the first half of the trace (${first} scored) and chosen by it. All figures are of the second half (${second} scored), by which nothing was chosen: they are what to expect if the network stays as it was. In brackets: the true figure lies below the upper limit with 95 % confidence, and so above the lower.</p>`;
}

function expected({ second }: Tuned): string {
  const { detectionTime, slowDetectionTime, mistakesPerHour } = second;
  const cells: [string, Limited][] = [
    ['A crash is detected in, T_D', within(detectionTime, duration)],
    ['99 of 100 crashes in', within(slowDetectionTime, duration)],
    ['Mistakes an hour, λ_M', rate(mistakesPerHour)],
  ];
  const figures = cells.map(
    ([name, value]) => `<div><dt>${subscripted(name)}</dt><dd>${limited(value)}</dd></div>`,
  );

  return `<dl>${figures.join('')}</dl>`;
}

/** The figure, and smaller what is to be known of it. */
const limited = ({ figure, limits }: Limited): string =>
  `${escaped(figure)} <small>${escaped(limits)}</small>`;

const subscripted = (text: string): string => escaped(text).replace(/_(.)/g, '<sub>$1</sub>');

/** The best of each model. */
export function modelTable({ models, others, chosen }: TuneReport): string {
  const isChosen = (model: TunedModel) =>
    JSON.stringify(model.options) === JSON.stringify(chosen?.options);
  const cell = (name: string, text: string) => `<td data-name="${name}">${text}</td>`;
  const rows = models.map((tuned) => {
    const { model, kept, second } = tuned;
    const cells = [
      `<th scope="row">${model}${isChosen(tuned) ? ' (chosen)' : ''}</th>`,
      cell('detects in', limited(within(second.detectionTime, duration))),
      cell('99 of 100 in', limited(within(second.slowDetectionTime, duration))),
      cell('mistakes an hour', limited(rate(second.mistakesPerHour))),
      cell('kept', kept ? 'yes' : 'no'),
      cell('settings', `<code>${escaped(settings(tuned))}</code>`),
    ];
    return `<tr${isChosen(tuned) ? ' class="chosen"' : ''}>${cells.join('')}</tr>`;
  });
  const far = others.map(({ model }) => model).join(', ');
  return `<section id="models">
<h2>The best of each model</h2>
<div class="scroll"><table class="models">
<thead><tr><th>model</th><th>detects in</th><th>99 of 100 in</th><th>mistakes an hour</th><th>kept</th><th>settings</th></tr></thead>
<tbody>${rows.join('\n')}</tbody>
</table></div>
${far ? `<p class="note">No setting came near the wish: ${far}.</p>` : ''}
</section>`;
}

/** Without what the row says already. */
function settings({ options }: TunedModel): string {
  const { model: _, heartbeatInterval: __, ...rest } = options;
  return pasted(rest).replace(/^new FailureDetector\(\{ (.*) \}\)$/, '$1');
}

/** What was recorded, and how the page came about. */
export function traceTable(trace: Trace, report: TuneReport, origin: Origin): string {
  const { heartbeats, sessions, truncated } = trace;
  let lost = 0;
  let ms = 0;
  for (const { recvMs } of sessions) {
    let first = Infinity;
    let last = -Infinity;
    for (const at of recvMs) {
      lost += +Number.isNaN(at);
      if (at < first) first = at;
      if (at > last) last = at;
    }
    ms += Math.max(last - first, 0);
  }
  const rows: [string, string][] = [
    ['Trace', `${origin.name}${truncated ? ' (cut off at its end)' : ''}`],
    ['Heartbeats', `${whole(heartbeats)} in ${counted(sessions.length, 'session')}`],
    ['Recorded', formatHours(ms / 3.6e6)],
    ['Marked as lost', `${whole(lost)} (${percent(lost / heartbeats)})`],
    ['Interval', `${duration(report.heartbeatInterval)}, estimated`],
  ];
  const cells = rows.map(
    ([name, value]) => `<tr><th scope="row">${name}</th><td>${escaped(value)}</td></tr>`,
  );
  const made = origin.date
    .toISOString()
    .replace(/:\d\d\.\d+Z$/, ' UTC')
    .replace('T', ' ');
  return `<section id="trace">
<h2>The trace</h2>
<table><tbody>${cells.join('\n')}</tbody></table>
</section>
<footer>
<p>Made by phi-accrual ${escaped(origin.version)} on ${made}. This page again:</p>
<pre><code>${escaped(origin.command)}</code></pre>
</footer>`;
}
