/** The dependency graph as a picture: who depends stands left of what it depends on. Plain SVG. */
import type { NodeState, NodeStatus } from './dependency-graph.js';

const BOX = { width: 220, height: 46 };
const GAP = { x: 90, y: 22 };
const MARGIN = 24;
const HEADING = 48;
const LONGEST_NAME = 23;

/** Fill and border; the state is written beside the name as well, colours alone tell not all. */
const COLOURS: Readonly<Record<NodeStatus, readonly [fill: string, border: string]>> = {
  ok: ['#e3f5e6', '#1b6e2e'],
  degraded: ['#fdf1d3', '#8a5a00'],
  failed: ['#fde0de', '#a1161b'],
  blocked: ['#ece4f7', '#5a3a91'],
  unknown: ['#eeeeee', '#5f5f5f'],
};

/** What XML has no way to write, not even escaped. */
const NO_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

const escaped = (text: string): string =>
  text.replace(NO_XML, '\ufffd').replace(/[<>&"']/g, (c) => `&#${c.charCodeAt(0)};`);

const shortened = (name: string): string => {
  const letters = [...name];
  return letters.length > LONGEST_NAME ? `${letters.slice(0, LONGEST_NAME - 1).join('')}…` : name;
};

interface Place {
  readonly x: number;
  readonly y: number;
}

/** How many steps the longest way to a node has, from those that nobody depends on. */
function depths(states: readonly NodeState[]): Map<string, number> {
  const depth = new Map(states.map(({ name }) => [name, 0]));
  // Those that depend come last in topological order.
  for (const { name, dependsOn } of [...states].reverse()) {
    const below = (depth.get(name) ?? 0) + 1;
    for (const each of dependsOn) {
      depth.set(each.name, Math.max(depth.get(each.name) ?? 0, below));
    }
  }
  return depth;
}

/** Layers by depth; within one, each node near the mean of those that depend on it. */
function layers(states: readonly NodeState[]): NodeState[][] {
  const depth = depths(states);
  const all: NodeState[][] = [];
  for (const state of [...states].reverse()) {
    const layer = depth.get(state.name) ?? 0;
    all[layer] ??= [];
    all[layer].push(state);
  }
  const row = new Map<string, number>();
  for (const layer of all) {
    const meanRow = (state: NodeState): number => {
      const above = states.filter(({ dependsOn }) => dependsOn.some((e) => e.name === state.name));
      const rows = above.map(({ name }) => row.get(name) ?? 0);
      return rows.reduce((sum, each) => sum + each, 0) / Math.max(rows.length, 1);
    };
    const rows = new Map(layer.map((state) => [state, meanRow(state)]));
    layer.sort((a, b) => (rows.get(a) ?? 0) - (rows.get(b) ?? 0)); // stable
    layer.forEach(({ name }, i) => {
      row.set(name, i);
    });
  }
  return all;
}

function box({ name, status, causes }: NodeState, { x, y }: Place): string {
  const [fill, border] = COLOURS[status];
  const others = causes.filter((each) => each !== name);
  const because = others.length > 0 ? `, because of ${others.join(', ')}` : '';
  return (
    `<g><title>${escaped(`${name}: ${status}${because}`)}</title>` +
    `<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6" ` +
    `fill="${fill}" stroke="${border}" stroke-width="${status === 'failed' ? 3 : 1.5}"/>` +
    `<text x="${x + 12}" y="${y + 20}" font-weight="600">${escaped(shortened(name))}</text>` +
    `<text x="${x + 12}" y="${y + 37}" font-size="12" fill="${border}">${status}</text></g>`
  );
}

function line(from: Place, to: Place, critical: boolean): string {
  const [x1, y1] = [from.x + BOX.width, from.y + BOX.height / 2];
  const [x2, y2] = [to.x, to.y + BOX.height / 2];
  const bend = GAP.x / 2;
  const dashes = critical ? '' : ' stroke-dasharray="6 5"';
  return (
    `<path d="M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2 - 2} ${y2}" fill="none" ` +
    `stroke="#555555" stroke-width="1.5" marker-end="url(#arrow)"${dashes}/>`
  );
}

function describe(states: readonly NodeState[]): string {
  if (states.length === 0) return 'Nothing depends on anything.';
  const sentences = states.map(({ name, status, dependsOn }) => {
    const names = dependsOn.map((each) => (each.critical ? `${each.name} (critical)` : each.name));
    return `${name} is ${status}${names.length > 0 ? ` and depends on ${names.join(', ')}` : ''}.`;
  });
  return sentences.reverse().join(' ');
}

/**
 * @param states in topological order, as `DependencyGraph.evaluate` gives them
 * @param roots the root causes
 */
export function picture(
  name: string,
  states: readonly NodeState[],
  roots: readonly string[],
): string {
  const columns = layers(states);
  const tallest = Math.max(1, ...columns.map(({ length }) => length));
  const column = BOX.width + GAP.x;
  const places = new Map<string, Place>();
  columns.forEach((layer, x) => {
    const above = ((tallest - layer.length) * (BOX.height + GAP.y)) / 2;
    layer.forEach((state, y) => {
      places.set(state.name, {
        x: MARGIN + x * column,
        y: MARGIN + HEADING + above + y * (BOX.height + GAP.y),
      });
    });
  });
  const width = 2 * MARGIN + Math.max(2, columns.length) * column - GAP.x;
  const height = 2 * MARGIN + HEADING + tallest * (BOX.height + GAP.y) - GAP.y;
  const placeOf = (each: string) => places.get(each) as Place;
  const lines = states.flatMap((state) =>
    state.dependsOn.map((to) => line(placeOf(state.name), placeOf(to.name), to.critical)),
  );
  const boxes = states.map((state) => box(state, placeOf(state.name)));
  const heading = `What ${name} depends on`;
  const summary = roots.length > 0 ? `Root cause: ${roots.join(', ')}` : 'Nothing has failed';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc" ` +
      'font-family="system-ui, sans-serif" font-size="14" fill="#1b1b1b">',
    `<title id="title">${escaped(heading)}</title>`,
    `<desc id="desc">${escaped(`${summary}. ${describe(states)}`)}</desc>`,
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" ' +
      'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#555555"/></marker></defs>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${MARGIN}" y="${MARGIN + 12}" font-size="17" font-weight="600">` +
      `${escaped(heading)}</text>`,
    `<text x="${MARGIN}" y="${MARGIN + 33}">${escaped(`${summary}. Dashed: not critical.`)}</text>`,
    ...lines,
    ...boxes,
    '</svg>\n',
  ].join('\n');
}
