/**
 * The package as its users get it: the tarball in an empty project, and every snippet of the
 * documents run there. Needs the build (npm ci makes it) and npm's cache or registry.
 */
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../support/processes.js';
import { documents, relativeLinks, snippets, textOf } from '../support/snippets.js';

const LIMIT = 240_000;

const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'phi-accrual-')));
const project = join(temporary, 'project');
const installed = join(project, 'node_modules/phi-accrual');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** What the npm that runs these tests says of them is not meant for the npm that they run. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^npm_(package|lifecycle|command|config_local_prefix)|^INIT_CWD$/.test(name),
  ),
);

/** Runs a command in the project; a failure shows what it printed. */
async function run(command: string, args: readonly string[], cwd = project): Promise<string> {
  const options = { cwd, env: environment, timeout: LIMIT, maxBuffer: 1 << 26 };
  try {
    const { stdout } = await promisify(execFile)(command, args, options);
    return stdout;
  } catch (error) {
    const { message, code, stdout, stderr } = error as Error & Record<string, unknown>;
    throw new Error(`${message}\nexit code ${code}\n${stdout}\n${stderr}`);
  }
}

const node = (...args: string[]) => run(process.execPath, args);

/** Writes files into a folder of the project and compiles them there as strictly as can be. */
async function compile(
  folder: string,
  files: Readonly<Record<string, string>>,
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  mkdirSync(join(project, folder), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(project, folder, name), text);
  }
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2022'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    moduleDetection: 'force',
    rootDir: '.',
    ...options,
  };
  const config = join(project, folder, 'tsconfig.json');
  writeFileSync(config, JSON.stringify({ compilerOptions, files: Object.keys(files) }));
  await node(join(root, 'node_modules/typescript/bin/tsc'), '--project', config);
}

beforeAll(async () => {
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', temporary], root);
  const tarball = readdirSync(temporary).find((file) => file.endsWith('.tgz'));
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...quiet, join(temporary, String(tarball))]);
  mkdirSync(join(project, 'node_modules/@types'));
  symlinkSync(join(root, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'));
}, LIMIT);

afterAll(() => rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }));

const CORE = [
  'FailureDetector',
  'IntervalWindow',
  'PhiAccrualDetector',
  'arrivalModels',
  'modelNames',
  'phiOfZ',
  'zOfPhi',
];
const CORE_TYPES = [
  'RefusedHeartbeat',
  'ArrivalModel',
  'BeatOutcome',
  'Clock',
  'ClockStep',
  'CohortSnapshot',
  'DetectorOptions',
  'DetectorSnapshot',
  'DropCounts',
  'HeartbeatInfo',
  'Explanation',
  'FailureDetectorEvents',
  'FailureDetectorOptions',
  'FailureDetectorSnapshot',
  'FlapDampingOptions',
  'HeartbeatOutcome',
  'Held',
  'JournalSnapshot',
  'LadderSnapshot',
  'LateHeartbeat',
  'LearnRule',
  'LearntSnapshot',
  'Link',
  'LinkOptions',
  'ListenOptions',
  'ListenerError',
  'Loss',
  'MassSilenceEvent',
  'MassSilenceOptions',
  'MinStdDev',
  'ModelName',
  'Peer',
  'PeerDrops',
  'PeerSnapshot',
  'Reach',
  'Reason',
  'RestoreOptions',
  'Stall',
  'StallGuardOptions',
  'Status',
  'Timers',
  'Transition',
  'WatchOptions',
  'WindowSnapshot',
];
const UDP = [
  'ACK_STATUSES',
  'MAX_BATCH',
  'MAX_ID_BYTES',
  'MAX_NUMBER',
  'UdpSender',
  'decodeAck',
  'decodeBeat',
  'decodeFarewells',
  'decodeHeartbeats',
  'encodeAck',
  'encodeBeat',
  'encodeFarewells',
  'encodeHeartbeats',
  'hasTagOf',
  'keyOf',
  'listenUdp',
];
const UDP_TYPES = [
  'AckStatus',
  'SourceInfo',
  'HeartbeatLink',
  'HeartbeatSink',
  'SignedAck',
  'SignedBeat',
  'UdpListenOptions',
  'UdpListenStats',
  'UdpListener',
  'UdpSendOptions',
  'WireHeartbeat',
];

const METRICS = ['collectHealth', 'collectMetrics', 'publishEvents'];
const METRICS_TYPES = [
  'CollectHealthOptions',
  'ObservedHealth',
  'CollectOptions',
  'EventfulDetector',
  'MetricsCollection',
  'MetricsRegistry',
  'Observation',
  'ObservedDetector',
  'Published',
];

const LAB = [
  'FIELD_KINDS',
  'INVARIANTS',
  'TraceError',
  'TraceWriter',
  'bertier',
  'cassandra',
  'chen',
  'exponentialUnbounded',
  'fixedTimeout',
  'halves',
  'hayashibara',
  'nominalInterval',
  'randomScenario',
  'rateInterval',
  'readTrace',
  'replay',
  'satzger',
  'simulate',
  'tune',
  'twoWindow',
  'writeTrace',
];
const LAB_TYPES = [
  'Accuracy',
  'BertierOptions',
  'Calibration',
  'CurvePoint',
  'Detection',
  'DetectionTime',
  'Expectation',
  'ExponentialOptions',
  'Fault',
  'FieldKind',
  'FreshnessOptions',
  'Guard',
  'HayashibaraOptions',
  'Interval',
  'Invariant',
  'MakeDetector',
  'MakeTraceDetector',
  'ModelCurve',
  'NetworkQuality',
  'RandomScenarioOptions',
  'ReplayControls',
  'ReplayOptions',
  'SatzgerOptions',
  'Score',
  'SimulateOptions',
  'SimulatedOptions',
  'Simulation',
  'SimulationEvent',
  'Trace',
  'TraceContext',
  'TraceDetector',
  'TraceInfo',
  'TraceHeartbeat',
  'TraceSession',
  'TraceSource',
  'TraceWriterOptions',
  'TuneControls',
  'TuneGoal',
  'TuneReport',
  'Tuned',
  'TunedModel',
  'Violation',
  'Which',
];

const REGISTRY = [
  'FollowedService',
  'HeldLease',
  'Lease',
  'Prober',
  'Registry',
  'RegistryClient',
  'RegistryError',
  'RegistryFull',
  'beatFromNode',
];
const REGISTRY_TYPES = [
  'Beat',
  'BeatOutcome',
  'Change',
  'ChangeKind',
  'Comparison',
  'DrainedBy',
  'FailureReport',
  'Fetch',
  'FollowEvents',
  'Freeze',
  'FreezeReason',
  'GoneRecord',
  'InstanceExplanation',
  'InstanceRecord',
  'InstanceStatus',
  'InstanceView',
  'Learnt',
  'LeaseError',
  'LeaseEvents',
  'LossReason',
  'MemberRecord',
  'NodeBeats',
  'NodeBeatsOptions',
  'OutlierOptions',
  'PastChange',
  'ProbeEvent',
  'ProbeFunction',
  'ProbeOutcome',
  'ProbeResult',
  'ProbeSink',
  'ProbeView',
  'ProberEvents',
  'ProberOptions',
  'Protection',
  'ProtectionEvent',
  'ProtectionRule',
  'Registration',
  'RegistrationRequest',
  'RegistryClientOptions',
  'RegistryDrops',
  'RegistryEvents',
  'RegistryLink',
  'RegistryOptions',
  'RegistryStats',
  'RestartCause',
  'RestartEvent',
  'Route',
  'ServiceSummary',
  'SignalName',
  'SignalOptions',
  'SignalState',
  'SignalTransition',
  'Target',
  'WatchEvent',
  'WatchOptions',
];

const HEALTH = [
  'DependencyGraph',
  'NotRun',
  'Producer',
  'aboutOthers',
  'cpuCheck',
  'createHealth',
  'deepCheck',
  'diskCheck',
  'eventLoopCheck',
  'httpCheck',
  'leaseCheck',
  'membersCheck',
  'memoryCheck',
  'outliers',
  'postgresCheck',
  'processCheck',
  'redisCheck',
  'rootCauses',
  'tcpCheck',
];
const HEALTH_TYPES = [
  'Alarms',
  'Check',
  'CheckAnswer',
  'CheckOptions',
  'CheckRecord',
  'CheckReport',
  'CheckResult',
  'CheckState',
  'CheckStatus',
  'CpuCheckOptions',
  'DeepCheck',
  'DeepRun',
  'DeepRunEvent',
  'DeepStateEvent',
  'Dependency',
  'DiskCheckOptions',
  'DiskIo',
  'Edge',
  'EventLoopCheckOptions',
  'GraphState',
  'GroupReport',
  'GroupState',
  'Health',
  'HealthAnswers',
  'HealthEvents',
  'HealthOptions',
  'HealthReading',
  'HttpCheckOptions',
  'Loop',
  'LoopOptions',
  'LoopState',
  'Mark',
  'MembersOptions',
  'MemoryCheckOptions',
  'NodeHandler',
  'NodeRequest',
  'NodeResponse',
  'NodeState',
  'NodeStatus',
  'Outliers',
  'OutliersOptions',
  'OwnState',
  'Ping',
  'PingCheckOptions',
  'ProcessCheckOptions',
  'ProducerEvents',
  'ProducerOptions',
  'Profile',
  'Progress',
  'ProgressOptions',
  'RunState',
  'Sample',
  'ScheduleOptions',
  'Side',
  'StatusPage',
  'StatusRange',
  'TcpCheckOptions',
  'TlsOptions',
  'ValidLease',
  'WatchedInstance',
  'WatchedInstances',
  'WatchedPeers',
];

const SERVICE = ['StateError', 'readTokens', 'startService'];
const SERVICE_TYPES = [
  'BoundToken',
  'DemoNodes',
  'ErrorCode',
  'InstanceView',
  'RegistryService',
  'Role',
  'ServiceNotice',
  'ServiceOptions',
  'ServiceProbeOptions',
  'Tokens',
];

/** A consumer that names every type of the core, and uses it as a strict program would. */
const CORE_CONSUMER = `
  import { ${CORE.join(', ')} } from 'phi-accrual';
  import type { ${CORE_TYPES.join(', ')} } from 'phi-accrual';

  const options: FailureDetectorOptions = { minStdDev: { relative: 0.1 }, levels: { slow: 1 } };
  export const detector = new FailureDetector<number>(options);
  detector.on('suspect', (t: Transition<number>) => { const id: number = t.peer; void id; });
  detector.once('late', ({ expected, due }: LateHeartbeat<number>) => void (due - expected));
  export const peer: Peer<number> = detector.watch(7, { threshold: 3 });
  export const outcome: HeartbeatOutcome = peer.heartbeat();
  export const phi: number | undefined = detector.phi(7);
  export const status: Status | undefined = detector.status(7);
  // @ts-expect-error a misspelt option
  export const wrong = () => new FailureDetector({ treshold: 8 });
  // @ts-expect-error no such event
  export const none = () => detector.on('suspected', () => {});
  export const all = [${CORE.join(', ')}];
  export type All = [${CORE_TYPES.join(', ')}];
`;
const CONSUMER = `${CORE_CONSUMER}
  import { ${UDP.join(', ')} } from 'phi-accrual/udp';
  import type { ${UDP_TYPES.join(', ')} } from 'phi-accrual/udp';
  const sink: HeartbeatSink = new FailureDetector();
  export const listen = (): Promise<UdpListener> => listenUdp(sink, { port: 0 });
  export const parts = [${UDP.join(', ')}];
  export type Parts = [${UDP_TYPES.join(', ')}];
  import { ${METRICS.join(', ')} } from 'phi-accrual/metrics';
  import type { ${METRICS_TYPES.join(', ')} } from 'phi-accrual/metrics';
  import { Registry } from 'prom-client';
  const registry = new Registry();
  export const collect = (): MetricsCollection =>
    collectMetrics(detector, { registry, label: (id) => id.toFixed() });
  export const observed: ObservedDetector<number> = detector;
  export const publish = (): Observation => publishEvents(detector);
  export type Late = Published<LateHeartbeat<number>, FailureDetector<number>>;
  export type Rest = [CollectHealthOptions, ObservedHealth, CollectOptions, EventfulDetector, MetricsRegistry];
  import { ${LAB.join(', ')} } from 'phi-accrual/lab';
  import type { ${LAB_TYPES.join(', ')} } from 'phi-accrual/lab';
  export const world = (): Simulation => simulate(randomScenario(1));
  const core: ReplayOptions = { threshold: 5, minStdDev: { relative: 0.1 } };
  const other: MakeTraceDetector = () => ({ heartbeat: () => {}, suspectAt: () => Infinity });
  export const score = async (): Promise<Score[]> => {
    const trace: Trace = await readTrace(['seq,send_ms,recv_ms']);
    return [await replay(trace, core), await replay(trace, { detector: other })];
  };
  // @ts-expect-error a detector of another kind has no threshold
  export const both: ReplayOptions = { detector: other, threshold: 8 };
  import { ${SERVICE.join(', ')} } from 'phi-accrual/service';
  import type { ${SERVICE_TYPES.join(', ')} } from 'phi-accrual/service';
  export const serve = (): Promise<RegistryService> => startService({ port: 0, udpPort: false });
  export const services = [${SERVICE.join(', ')}];
  export type Services = [${SERVICE_TYPES.join(', ')}];
  import * as registries from 'phi-accrual/registry';
  const instances = new registries.Registry({ heartbeatInterval: 500 });
  const lease: registries.Lease = instances.register({ id: 'a', service: 's', address: 'h:1' });
  export const renewed: registries.BeatOutcome = lease.renew();
  export const routed: readonly registries.Target[] = instances.route('s').targets;
  export const leasing = [${REGISTRY.map((name) => `registries.${name}`).join(', ')}];
  export type Leasing = [${REGISTRY_TYPES.map((name) => `registries.${name}`).join(', ')}];
  import { ${HEALTH.join(', ')} } from 'phi-accrual/health';
  import type { ${HEALTH_TYPES.join(', ')} } from 'phi-accrual/health';
  const check: Check = async (signal) => !signal.aborted;
  export const probed = async (): Promise<boolean | undefined> => {
    const health = createHealth({ profile: 'kube' });
    health.add('readyz', 'a', check, { timeout: 100, critical: false });
    return (await health.probe('readyz'))?.ok;
  };
  export const healths = [${HEALTH.join(', ')}];
  export type Healths = [${HEALTH_TYPES.join(', ').replace('Outliers,', 'Outliers<string>,')}];
  export const laboratory = [${LAB.join(', ')}];
  export type Laboratory = [${LAB_TYPES.join(', ')}];
`;

describe('the tarball', () => {
  it('holds what users need, and nothing else', () => {
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter((file) =>
      statSync(join(installed, file)).isFile(),
    );
    const single = ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json'];
    expect(files).toEqual(expect.arrayContaining([...single, 'dist/index.js', 'docs/demo.svg']));
    expect(files.filter((file) => !/^(dist|docs)\//.test(file)).sort()).toEqual(single.sort());
  });

  it.each([
    ['phi-accrual', CORE],
    ['phi-accrual/udp', UDP],
    ['phi-accrual/metrics', METRICS],
    ['phi-accrual/lab', LAB],
    ['phi-accrual/service', SERVICE],
    ['phi-accrual/registry', REGISTRY],
    ['phi-accrual/health', HEALTH],
  ])('exports all of %s to import and to require', async (name, names) => {
    const print = 'console.log(JSON.stringify(Object.keys(all).sort()))';
    const imported = `import * as all from '${name}'; ${print}`;
    const required = `const all = require('${name}'); ${print}`;
    expect(JSON.parse(await node('--input-type=module', '--eval', imported))).toEqual(names);
    expect(JSON.parse(await node('--input-type=commonjs', '--eval', required))).toEqual(names);
  });

  it('works from CommonJS as from ESM', async () => {
    const source = `
      const { FailureDetector } = require('phi-accrual');
      const { listenUdp, UdpSender } = require('phi-accrual/udp');
      (async () => {
        const detector = new FailureDetector({ heartbeatInterval: 20 });
        const listener = await listenUdp(detector, { port: 0 });
        const to = '127.0.0.1:' + listener.port;
        const sender = new UdpSender({ id: 'a', to, interval: 20, keepAlive: true });
        detector.once('left', ({ peer }) => { console.log(peer); listener.close(); });
        const known = setInterval(() => {
          if (detector.size === 0) return;
          clearInterval(known);
          sender.close();
        }, 5);
      })();
    `;
    expect(await node('--input-type=commonjs', '--eval', source)).toBe('a\n');
  });

  it('loads prom-client for the metrics only', async () => {
    const loaded = `Object.keys(require.cache).some((path) => /prom-client/.test(path))`;
    const source = `
      const before = [require('phi-accrual'), require('phi-accrual/udp'), ${loaded}].pop();
      require('phi-accrual/metrics');
      console.log(before, ${loaded});
    `;
    expect(await node('--input-type=commonjs', '--eval', source)).toBe('false true\n');
  });

  it('has the command', async () => {
    expect(await run('npx', ['--no-install', 'phi-accrual', '--version'])).toBe(`${version}\n`);
  });

  it('has types for nodenext, as ESM and as CommonJS', () =>
    compile(
      'nodenext',
      { 'esm.mts': CONSUMER, 'cjs.cts': CONSUMER },
      { module: 'nodenext', noEmit: true },
    ));

  it('has types for bundlers, and for browsers without those of Node', async () => {
    const bundler = { module: 'esnext', moduleResolution: 'bundler', noEmit: true };
    await compile('bundler', { 'consumer.ts': CONSUMER }, bundler);
    const browser = { ...bundler, lib: ['es2022', 'dom'], types: [] };
    await compile('browser', { 'consumer.ts': CORE_CONSUMER }, browser);
  });
});

describe('the documents', () => {
  const programs = snippets('ts', 'js');
  const fileOf = (name: string) => name.replace(/\W+/g, '-');
  const lines = snippets('sh').flatMap(({ name, code }) =>
    code
      .split('\n')
      .map((line) => line.replace(/ +#.*/, '').trim())
      .filter((line) => line.startsWith('npx phi-accrual'))
      .map((line) => ({ name, line })),
  );

  beforeAll(async () => {
    // The programs that the documents start, which end by themselves here.
    writeFileSync(join(project, 'server.js'), 'setTimeout(() => {}, 1000);');
    writeFileSync(join(project, 'server'), '#!/bin/sh\nsleep 1\n', { mode: 0o755 });
    // The trace that the documents speak of.
    copyFileSync(
      join(root, 'test/traces/netns_relay_wan_100ms.csv.gz'),
      join(project, 'trace.csv'),
    );
    const files = programs.map(({ name, language, code }) => [`${fileOf(name)}.${language}`, code]);
    const options = { module: 'nodenext', allowJs: true, checkJs: true, outDir: 'out' };
    await compile('snippets', Object.fromEntries(files), options);
  }, LIMIT);

  it.concurrent.each(programs)('$name runs', { timeout: LIMIT }, async ({ name }) => {
    const output = await node(join('snippets/out', `${fileOf(name)}.js`));
    if (name === programs[0].name) expect(output).toMatch(/^db-1: silent for \d+ ms$/m);
  });

  it('begin with the example of the README', () => {
    expect(programs[0].name).toMatch(/^README\.md /);
  });

  // The last of equal flags counts: no line takes a port that another one has. Replay and tune end.
  it.concurrent.each(lines)('$name: $line', { timeout: LIMIT }, async ({ line }) => {
    if (/ run\b/.test(line)) {
      await run('sh', ['-c', line]); // ends with its command
      return;
    }
    const udp = / serve\b/.test(line) ? '--udp-port 0' : '';
    const port = / (watch|record trace|serve)\b/.test(line) ? `--port 0 ${udp}` : '';
    const end = / (replay|tune)\b/.test(line) ? '' : '--for 1';
    await run('sh', ['-c', `${line} ${port} ${end}`]);
  });

  it.each(documents.concat('CHANGELOG.md'))('%s links to what exists', (document) => {
    const broken = (at: string) =>
      relativeLinks(document).filter((link) => !existsSync(join(at, dirname(document), link)));
    expect(broken(root)).toEqual([]);
    if (document === 'README.md') expect(broken(installed)).toEqual([]);
  });

  it('tell of every option, and of none that does not exist', async () => {
    const source = `
      import { FailureDetector } from 'phi-accrual';
      try { new FailureDetector({ '?': 1 }); } catch ({ message }) { console.log(message); }
    `;
    const message = await node('--input-type=module', '--eval', source);
    const known = message.replace(/^.*known are/, '').match(/\w+/g) ?? [];
    const rows = textOf('README.md').matchAll(/^\| (`[^|]+`) \|.*\|.*\|.*\|$/gm);
    const told = [...rows].flatMap(([, names]) => names.match(/\w+/g) ?? []);
    expect(known.length).toBeGreaterThan(10);
    expect(told.sort()).toEqual(known.sort());
  });

  it('include a change log of this version', () => {
    const log = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
    expect(log).toContain(`\n## [${version}] - `);
  });
});
