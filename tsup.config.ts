import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
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

export default defineConfig([
  {
    // `neutral` keeps Node's names out of the core's bundle.
    entry: {
      index: 'src/index.ts',
      udp: 'src/sources/udp.ts',
      metrics: 'src/metrics/metrics.ts',
      lab: 'src/lab/lab.ts',
      registry: 'src/registry/index.ts',
      service: 'src/registry/service/index.ts',
      health: 'src/health/index.ts',
    },
    format: ['esm', 'cjs'],
    platform: 'neutral',
    external: [/^node:/],
    target: 'es2022',
    splitting: true,
    treeshake: true,
    plugins: [constants],
    // Turns the named numbers of the record layout into literals.
    minifySyntax: true,
    clean: true,
    // `using` needs a lib that not every consumer has asked for.
    dts: {
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
    esbuildPlugins: [thirdParty('the chunk that writes reports')],
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
