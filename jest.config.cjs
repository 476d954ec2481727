/** One jest project for every package: sources are transformed by swc, packages resolve to their sources. */
module.exports = {
  globalSetup: '<rootDir>/libs/testing/src/jest-global-setup.ts',
  roots: ['<rootDir>/libs', '<rootDir>/migrations', '<rootDir>/apps', '<rootDir>/scripts', '<rootDir>/tests'],
  testMatch: ['**/src/**/*.test.ts', '**/src/**/*.test.tsx'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['<rootDir>/.*/dist/'],
  transform: {
    '^.+\\.tsx?$': '@swc/jest',
    '/node_modules/(aedes|openid-client|oauth4webapi|jose|@opentelemetry/otlp-exporter-base)/.+\\.js$': '@swc/jest',
  },
  // ESM only, which jest can't require on the oldest Node we take; and `import()`, which it can't do at all.
  transformIgnorePatterns: [
    '/node_modules/(?!(aedes|openid-client|oauth4webapi|jose|@opentelemetry/otlp-exporter-base)/)',
  ],
  moduleNameMapper: {
    '^@cortex-mqtt/migrations$': '<rootDir>/migrations/src/index.ts',
    '^@cortex-mqtt/([a-z-]+)$': '<rootDir>/libs/$1/src/index.ts',
  },
  testEnvironment: 'node',
  // Generous: tests wait for conditions, and a loaded machine is slow, not wrong.
  testTimeout: 120_000,
  // More than a small machine has cores: the end-to-end tests mostly wait, for leases, pauses and other processes.
  maxWorkers: 3,
};
