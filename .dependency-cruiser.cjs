// The floors, from the ground: core ← operators ← rooms ← handlers/ ← conductor.ts ← cli. Types count.
const ROOMS = '^src/(?!core/|operators/|cli/)([^/]+)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'core-stands-on-core',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { path: '^src/', pathNot: '^src/core/' },
    },
    {
      name: 'core-knows-no-machine',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'operators-stand-on-core',
      severity: 'error',
      from: { path: '^src/operators/' },
      to: { path: '^src/', pathNot: '^src/(core|operators)/' },
    },
    {
      name: 'a-room-is-not-built-on-another',
      severity: 'error',
      from: { path: ROOMS },
      to: { path: '^src/', pathNot: '^src/(core|operators|$1)/' },
    },
    {
      name: 'only-cli-stands-on-the-conductor',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^src/(conductor[.]ts$|cli/)' },
    },
    {
      name: 'handlers-use-the-public-door',
      severity: 'error',
      from: { path: '^handlers/' },
      to: { path: '^src/', pathNot: '^src/handler-api[.]ts$' },
    },
    { name: 'source-without-tests', severity: 'error', from: { path: '^(src|handlers)/' }, to: { path: '^test/' } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
