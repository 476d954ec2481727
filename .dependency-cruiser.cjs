/**
 * The import rules: apps → libs only, no circles, and a feature of the orchestrator reaches another one only through its doors.
 * .dependency-cruiser.features.cjs forbids circles of features.
 */

/** What a feature exports on purpose, beside its shapes (`x.view`, `x.dto`, `x.presenter`). Each is a line that was thought about. */
const DOORS = [
  // What a document may say is what these let a request say.
  'brokers/broker\\.service',
  'configuration-plans/plan-place',
  'mqtt-config/mqtt-config\\.service',
  'products/product\\.service',
  'audit/audit-trail',
  'auth/(credentials|password-rules|password-work|session-cookies|session.service)',
  'brokers/(broker-fields|broker-secrets|one-session-twice)',
  'connection-history/connection-event.entity',
  'connection-status/(status-channel|status-stream)',
  'docs/docs.router',
  'health/http-metrics',
  // The canary is one of the sealed values.
  'installation/installation',
  'listener-config/listener-config.service',
  'listener-tokens/(listener-token.entity|known-tokens)',
  'messages/(message-scan|message-test|message.service|stored-message|store/message-store)',
  'metrics/(message-rates|metric-buckets)',
  'replicas/[a-z-]+',
  'secrets/secret-box',
  // What a provider says of a person is kept as what an administrator says.
  'users/user\\.store',
  'subscriptions/(subscription-check|subscription-topic|subscription.service)',
];
const FEATURES = '^apps/orchestrator/src/features';

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'features-through-their-doors',
      comment: 'Add a door to DOORS in .dependency-cruiser.cjs, or hand the service in from features.ts.',
      severity: 'error',
      from: { path: `${FEATURES}/([^/]+)/` },
      to: {
        path: `${FEATURES}/`,
        pathNot: [`${FEATURES}/$1/`, `${FEATURES}/(${DOORS.join('|')})\\.ts$`, `\\.(view|dto|presenter)\\.ts$`],
      },
    },
    {
      name: 'shared-rooms-below-features',
      comment: 'model/, configuration/, database/ and http/ are what features stand on.',
      severity: 'error',
      from: { path: '^apps/orchestrator/src/(model|configuration|http)/', pathNot: '\\.test\\.ts$' },
      to: { path: `${FEATURES}/`, pathNot: `${FEATURES}/audit/audit-trail\\.ts$` },
    },
    {
      name: 'libs-never-import-apps',
      severity: 'error',
      from: { path: '^(libs|migrations)/' },
      to: { path: '^(apps|scripts|tests)/' },
    },
    {
      name: 'apps-never-import-apps',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Its parser knows no JSX: the console's .tsx files are under Biome's noImportCycles and noRestrictedImports.
    exclude: { path: '(^|/)(dist|node_modules)/|\\.tsx$|^apps/console/(vite|build)' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js', '.json'], mainFields: ['main', 'types'] },
  },
};
