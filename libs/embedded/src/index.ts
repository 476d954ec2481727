export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
  stopOrphanedPostgres,
} from './embedded-postgres';
export { freePort, isPortFree } from './free-port';
export {
  identifyProcess,
  isStillRunning,
  type ProcessIdentity,
  type StopProcessOptions,
  stopProcess,
  stopProcessGroup,
} from './process-identity';
export { type EmbeddedBroker, type EmbeddedBrokerOptions, startEmbeddedBroker } from './embedded-broker';
