import type { Logger } from '@cortex-mqtt/observability';
import type { DataSource } from 'typeorm';
import type { OrchestratorConfig } from '../../../config';
import { DockerEngine } from './docker-engine';
import { DockerListenerRuntime } from './docker-runtime';
import type { WantedListener } from './listener-runtime';
import { createProcessEnvironment } from './process-environment';

/** The docker runtime with its settings and the environment of its containers. */
export function createDockerRuntime({
  config,
  dataSource,
  wanted,
  logger,
}: {
  config: Readonly<OrchestratorConfig>;
  dataSource: DataSource;
  wanted(): Promise<WantedListener[] | null>;
  logger: Logger;
}): DockerListenerRuntime {
  const passed_on = {
    NODE_ENV: config.nodeEnv,
    LOG_LEVEL: config.logLevel,
    LOG_FORMAT: config.logFormat,
    EGRESS_ALLOW: config.egressAllow.join(','),
  };
  const environment = createProcessEnvironment({
    dataSource,
    orchestrator_url: config.listenerOrchestratorUrl,
    queueUrl: async () => config.effectiveQueueUrl,
    data_dir: '/data',
    passed_on,
  });
  return new DockerListenerRuntime({
    engine: new DockerEngine({ host: config.dockerHost }),
    installation: config.listenerInstallation,
    image: config.listenerImage,
    network: config.listenerNetwork,
    memory_mb: config.listenerMemory_mb,
    cpus: config.listenerMillicpus / 1_000,
    wanted,
    fixed_environment: {
      ...passed_on,
      ORCHESTRATOR_URL: config.listenerOrchestratorUrl,
      QUEUE_URL: config.effectiveQueueUrl,
    },
    environment: async (listener) => ({ ...(await environment(listener)), DATA_DIR: '/data', HEALTH_PORT: '8005' }),
    logger,
  });
}
