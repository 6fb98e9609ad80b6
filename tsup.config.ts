import { defineConfig } from 'tsup';

export default defineConfig([
  {
    // `neutral` keeps Node's names out of the core's bundle.
    entry: { index: 'src/index.ts', udp: 'src/sources/udp.ts' },
    format: ['esm', 'cjs'],
    platform: 'neutral',
    external: [/^node:/],
    target: 'es2022',
    splitting: true,
    treeshake: true,
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
    dts: false,
  },
]);
