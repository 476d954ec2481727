export { buildCounters, buildStatusReport } from './build-status-report';
export { type EmbeddedBroker, freePort, startEmbeddedBroker } from '@cortex-mqtt/embedded';
export { findProgram } from './debian-program';
export { type ProcessExit, type SpawnedProcess, type SpawnProcessOptions, spawnProcess } from './managed-process';
export {
  type Mosquitto,
  type MosquittoAddress,
  type MosquittoListener,
  type MosquittoOptions,
  type MosquittoTls,
  startMosquitto,
} from './mosquitto';
export { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from './otlp-receiver';
export { type Redis, type RedisOptions, startRedis } from './redis';
export {
  createTestDatabase,
  startTestPostgres,
  type TestDatabase,
  type TestDatabaseOptions,
  type TestPostgres,
} from './test-postgres';
export { createTestDirectory } from './test-run';
export { type WaitForOptions, waitFor } from './wait-for';
export {
  createCertificateAuthority,
  createTestCertificates,
  type TestCertificate,
  type TestCertificateAuthority,
  type TestCertificateOptions,
  type TestCertificates,
} from './certificates';
export { type HttpProxy, startHttpProxy } from './http-proxy';
export {
  type Answering,
  type HttpAnswer,
  type HttpReceiver,
  type HttpReceiverOptions,
  type ReceivedRequest,
  startHttpReceiver,
} from './http-receiver';
export { startTcpProxy, type TcpProxy, type TcpProxyOptions } from './tcp-proxy';
export { SimulatedListener, type SimulatedListenerOptions } from './simulated-listener';
