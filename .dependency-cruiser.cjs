/** Who may import whom: arrows point one way (docs/architecture.md). */

/** What each room of src/ may import of the others. */
const rooms = {
  core: [],
  sources: ['core'],
  metrics: ['core'],
  lab: ['core'],
  health: ['core'],
  registry: ['core', 'sources', 'health', 'metrics'],
  dashboard: ['core'],
  cli: ['core', 'sources', 'lab', 'registry'],
};

module.exports = {
  forbidden: [
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `${room}-imports-only-${allowed.join('-') || 'itself'}`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: {
        path: '^src/',
        pathNot: [room, ...allowed]
          .map((each) => `^src/${each}/`)
          .concat(room === 'cli' ? '^src/index[.]ts$' : []),
      },
    })),
    {
      name: 'core-is-for-every-platform',
      comment: 'The core uses no Node API and no package but eventemitter3.',
      severity: 'error',
      from: { path: '^src/(core/|index[.]ts)' },
      to: { pathNot: ['^src/core/', 'node_modules/eventemitter3/'] },
    },
    {
      name: 'eventemitter3-only-in-emitter',
      severity: 'error',
      from: { pathNot: '^src/core/emitter[.]ts$' },
      to: { path: 'node_modules/eventemitter3/' },
    },
    {
      name: 'prom-client-only-in-metrics',
      comment: 'Who does not import phi-accrual/metrics does not load it.',
      severity: 'error',
      from: { pathNot: '^src/metrics/' },
      to: { path: 'node_modules/prom-client/' },
    },
    {
      name: 'echarts-only-in-charts',
      comment: 'It is bundled: a chunk of dist that only a report loads.',
      severity: 'error',
      from: { pathNot: '^src/lab/report/chart[.]ts$' },
      to: { path: 'node_modules/echarts/' },
    },
    {
      name: 'uplot-only-in-charts',
      comment: 'It is bundled into the page, and its types are known nowhere else.',
      severity: 'error',
      from: { pathNot: '^src/dashboard/(phi|interval)-chart[.]ts$' },
      to: { path: 'node_modules/uplot/' },
    },
    {
      name: 'reports-only-for-the-command',
      comment: 'Who imports phi-accrual/lab does not load ECharts.',
      severity: 'error',
      from: { pathNot: '^src/(lab/report/|cli/tune[.]ts$)' },
      to: { path: '^src/lab/report/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'everything-resolves',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true },
      to: {},
    },
    {
      name: 'no-development-packages',
      severity: 'error',
      from: {},
      to: {
        pathNot: 'node_modules/(echarts|uplot)/', // bundled
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only'],
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
    },
  },
};
