const { options } = require('./.dependency-cruiser.cjs');

/** No circle of folders among the orchestrator's features. */
module.exports = {
  forbidden: [
    {
      name: 'no-circles-of-features',
      comment:
        'Two nouns that need each other share a part: put it into model/ or configuration/, or hand it in from features.ts.',
      severity: 'error',
      scope: 'folder',
      from: { path: '^apps/orchestrator/src/features/' },
      to: { circular: true },
    },
  ],
  options: {
    ...options,
    // Tests start the whole app, and the data source lists every entity: neither says what a feature needs.
    exclude: { path: `${options.exclude.path}|\\.test\\.ts$|/src/testing/|/database/data-source\\.ts$` },
  },
};
