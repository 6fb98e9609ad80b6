/** The growth chart: two panels, logarithmic axes, heartbeat and floor. */

const WIDTH = 860;
const HEIGHT = 360;
const PANEL = { width: 350, height: 240, top: 50 };
const SERIES = [
  { key: 'ours', name: 'heartbeat', color: '#2563eb' },
  { key: 'floor', name: 'floor: look-up and cache lines alone', color: '#9ca3af' },
];

const compact = new Intl.NumberFormat('en', { notation: 'compact' });
const round = (x) => Math.round(x * 10) / 10;

function panel({ label, points }, left, low, high) {
  const first = Math.log10(points[0].n);
  const last = Math.log10(points[points.length - 1].n);
  const x = (n) => round(left + ((Math.log10(n) - first) / (last - first)) * PANEL.width);
  const y = (v) => {
    const share = (Math.log2(v) - Math.log2(low)) / (Math.log2(high) - Math.log2(low));
    return round(PANEL.top + (1 - share) * PANEL.height);
  };
  const out = [];
  for (let v = low; v <= high; v *= 2) {
    out.push(
      `<line x1="${left}" x2="${left + PANEL.width}" y1="${y(v)}" y2="${y(v)}" class="grid"/>`,
    );
    out.push(`<text x="${left - 8}" y="${y(v) + 4}" text-anchor="end">${v}×</text>`);
  }
  const bottom = PANEL.top + PANEL.height;
  for (const { n } of points) {
    out.push(
      `<text x="${x(n)}" y="${bottom + 18}" text-anchor="middle">${compact.format(n)}</text>`,
    );
  }
  out.push(
    `<text x="${left + PANEL.width / 2}" y="${bottom + 40}" text-anchor="middle">${label}</text>`,
  );
  for (const { key, color } of SERIES) {
    const line = points.map((point) => `${x(point.n)},${y(point[key])}`);
    out.push(
      `<polyline points="${line.join(' ')}" fill="none" stroke="${color}" stroke-width="2"/>`,
    );
    for (const at of line) {
      const [cx, cy] = at.split(',');
      out.push(`<circle cx="${cx}" cy="${cy}" r="3" fill="${color}"/>`);
    }
  }
  return out.join('\n');
}

/** @param panels two of `{ label, points: [{ n, ours, floor }] }`, in multiples of one heartbeat */
export function growthChart(panels) {
  const values = panels.flatMap(({ points }) => points.flatMap(({ ours, floor }) => [ours, floor]));
  const low = 2 ** Math.floor(Math.log2(Math.min(...values)));
  const high = 2 ** Math.ceil(Math.log2(Math.max(...values)));
  const legend = SERIES.map(
    ({ name, color }, i) =>
      `<rect x="${60 + i * 120}" y="16" width="12" height="12" fill="${color}"/>` +
      `<text x="${78 + i * 120}" y="27">${name}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>Cost of a heartbeat over the number of peers and over the window</title>
<style>text { fill: #6b7280 } .grid { stroke: #9ca3af; stroke-opacity: 0.3 }</style>
${legend.join('\n')}
${panels.map((each, i) => panel(each, 60 + i * 410, low, high)).join('\n')}
</svg>
`;
}
