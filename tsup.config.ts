import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { defineConfig, type Options } from 'tsup';

/**
 * The bundler turns every top-level `const` into a `var`. V8 folds a `const` as the constant that
 * it is, but not a `var`: φ within its table takes 0.8 of the time for this.
 */
const constants = {
  name: 'constants',
  renderChunk: (code: string) => ({ code: code.replace(/^var /gm, 'const ') }),
};

/**
 * What is bundled of other packages keeps its licences: those of every package that the bundle
 * took a file from, whole, in dist/THIRD-PARTY.txt.
 */
const thirdParty: NonNullable<Options['esbuildPlugins']>[number] = {
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
      const head = 'phi-accrual contains, in the chunk that writes reports:';
      mkdirSync('dist', { recursive: true });
      writeFileSync(
        'dist/THIRD-PARTY.txt',
        [head, ...new Set(parts)].join(`\n\n${'='.repeat(72)}\n\n`),
      );
    });
  },
};

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
    esbuildPlugins: [thirdParty],
    dts: false,
  },
]);
