import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { defineConfig, type Options } from 'tsup';

/**
 * The bundler turns every top-level `const` into a `var`. V8 folds a `const` as the constant that
 * it is, but not a `var`: φ within its table takes 0.8 of the time for this.
 */
const constants = {
  name: 'constants',
  renderChunk: (code: string) => ({ code: code.replace(/^var (?=\w+ =)/gm, 'const ') }),
};

/** A top-level `let` with a value is a `var` as well, but no constant: it would throw in use. */
for (const file of readdirSync('src', { recursive: true, encoding: 'utf8' })) {
  const found =
    file.endsWith('.ts') && /^(export )?let .*=/m.exec(readFileSync(`src/${file}`, 'utf8'));
  if (found) throw new Error(`src/${file}: ${found[0]} … at top level: give it no value there`);
}

/** Bundles with packages of others in them, by what they are: both builds write one file. */
const bundled = new Map<string, string[]>();

/**
 * What is bundled of other packages keeps its licences: those of every package that the bundle
 * took a file from, whole, in dist/THIRD-PARTY.txt.
 */
const thirdParty = (what: string): NonNullable<Options['esbuildPlugins']>[number] => ({
  name: 'third-party',
  setup(build) {
    build.onEnd(({ metafile }) => {
      const folders = Object.keys(metafile?.inputs ?? {})
        .map((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1])
        .filter((folder) => folder !== undefined);
      const parts = [...new Set(folders)].sort().map((folder) => {
        const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
        const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
          /^(licenses\/.+|(LICEN[CS]E|COPYING|NOTICE)(\.[^/]*)?)$/i.test(file),
        );
        if (files.length === 0) throw new Error(`${folder}: bundled without a licence`);
        const texts = files
          .sort()
          .map((file) => `${file}:\n\n${readFileSync(`${folder}/${file}`)}`);
        return `${name} ${version}\n\n${texts.join('\n\n')}`;
      });
      bundled.set(what, [...new Set(parts)]);
      const all = [...bundled].sort(([a], [b]) => (a < b ? -1 : 1));
      const texts = all.flatMap(([where, each]) => [`phi-accrual contains, in ${where}:`, ...each]);
      mkdirSync('dist', { recursive: true });
      writeFileSync('dist/THIRD-PARTY.txt', texts.join(`\n\n${'='.repeat(72)}\n\n`));
    });
  },
});

/**
 * esbuild puts a named number wherever it is used as a literal, in other chunks too, but only one
 * of a module that imports nothing. So those of the core's other modules come from a module of
 * their own, which is made here and is gone once they are put.
 */
const literals: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'literals',
  setup(build) {
    const sources = new Map<string, string>();
    build.onLoad({ filter: /[\\/]src[\\/]core[\\/].*\.ts$/, namespace: 'file' }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      if (!/^import (?!type )/m.test(source)) return undefined;
      const [names, found, exported]: string[][] = [[], [], []];
      const rest = source.replace(
        /^(export )?const ([A-Z][A-Z0-9_]*) = ([-+*/%<>|&~()\w. ]+);$/gm,
        (whole, isExport, name, value: string) => {
          const others = value.replace(/\b\d[\w.]*/g, '').match(/[A-Za-z_]\w*/g) ?? [];
          if (!others.every((other) => names.includes(other))) return whole;
          names.push(name);
          found.push(`export const ${name} = ${value};`);
          if (isExport) exported.push(name);
          return '';
        },
      );
      if (names.length === 0) return undefined;
      sources.set(path, found.join('\n'));
      const own = `import { ${names} } from '${path}?literals'; export { ${exported} };`;
      return { contents: `${rest}\n${own}`, loader: 'ts' };
    });
    build.onResolve({ filter: /\?literals$/ }, ({ path }) => ({
      path: path.replace('?literals', ''),
      namespace: 'literals',
      sideEffects: false,
    }));
    build.onLoad({ filter: /.*/, namespace: 'literals' }, ({ path }) => ({
      contents: sources.get(path) as string,
    }));
  },
};

/** What is imported as `phi-accrual` or `phi-accrual/…`. */
const entries = {
  index: 'src/index.ts',
  udp: 'src/sources/udp.ts',
  metrics: 'src/metrics/metrics.ts',
  lab: 'src/lab/lab.ts',
  registry: 'src/registry/index.ts',
  service: 'src/registry/service/index.ts',
  health: 'src/health/index.ts',
};

/**
 * The modules of which `phi-accrual` exports values: as entries, each has chunks that hold what it
 * needs and no more. A bundler leaves whole chunks out, but hardly ever a part of one.
 */
const modules = Object.fromEntries(
  Array.from(
    readFileSync('src/index.ts', 'utf8').matchAll(/^export \{[^}]*\} from '\.\/(.*)\.js';$/gm),
    ([, path]) => [path, `src/${path}.ts`],
  ),
);

export default defineConfig([
  {
    // `neutral` keeps Node's names out of the core's bundle.
    entry: { ...entries, ...modules },
    format: ['esm', 'cjs'],
    platform: 'neutral',
    external: [/^node:/],
    target: 'es2022',
    splitting: true,
    // Nor are chunks imported that nothing is used of: esbuild would warn our users of them.
    treeshake: { moduleSideEffects: 'no-external' },
    plugins: [constants],
    esbuildPlugins: [literals],
    minifySyntax: true,
    clean: true,
    // Nobody imports the modules' own files: what is in them lies in chunks that the entries share.
    onSuccess: async () => rmSync('dist/core', { recursive: true, force: true }),
    // `using` needs a lib that not every consumer has asked for.
    dts: {
      entry: entries,
      banner: '/// <reference lib="esnext.disposable" />',
      compilerOptions: { ignoreDeprecations: '6.0' },
    },
  },
  {
    entry: { cli: 'src/cli/main.ts' },
    format: ['esm'],
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    // ECharts is a development dependency: the chunk of reports brings it along, without its layout.
    minifyWhitespace: true,
    esbuildPlugins: [literals, thirdParty('the chunk that writes reports')],
    dts: false,
  },
  {
    entry: { 'run-preload': 'src/cli/run/preload.ts' },
    // A module that is imported beforehand has Node load the program as one, whatever it is.
    format: ['cjs'],
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    dts: false,
  },
  {
    entry: {
      app: 'src/dashboard/app.ts',
      style: 'src/dashboard/style.css',
      index: 'src/dashboard/index.html',
    },
    outDir: 'dist/dashboard',
    format: ['esm'],
    outExtension: () => ({ js: '.js' }),
    platform: 'browser',
    target: ['chrome111', 'firefox115', 'safari16.4'],
    // A page has no node_modules: uPlot is bundled.
    noExternal: [/./],
    loader: { '.html': 'copy' },
    minify: true,
    esbuildPlugins: [thirdParty('the page of the registry')],
    dts: false,
  },
]);
