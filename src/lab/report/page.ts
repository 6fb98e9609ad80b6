/** The page: its parts in order, as HTML. */
import { type Chart, drawn } from './chart.js';
import { escaped } from './html.js';
import { STYLE } from './style.js';

/** A page without a script, which loads nothing. */
export const page = (title: string, parts: readonly string[]): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${parts.filter(Boolean).join('\n')}
</body>
</html>
`;

export function figureOf(chart: Chart): string {
  const legend = chart.legend.map(
    ({ mark, colour, text }) =>
      `<li><span class="mark ${mark}" style="color: ${colour}"></span>${escaped(text)}</li>`,
  );
  return `<section id="${chart.id}">
<h2>${escaped(chart.title)}</h2>
<figure>
<ul class="legend">${legend.join('')}</ul>
${drawn(chart)}
<figcaption>${escaped(chart.caption)}</figcaption>
</figure>
</section>`;
}
