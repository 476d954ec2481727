import type { Logger } from '@cortex-mqtt/observability';
import type { DataSource } from 'typeorm';
import type { OrchestratorConfig } from '../../../config';
import { ContainerBook } from './container-book';
import { DockerEngine } from './docker-engine';
import { DockerListenerRuntime } from './docker-runtime';
import type { WantedListener } from './listener-runtime';
import { passedOn } from './passed-on';
import { createProcessEnvironment, revokeMemberToken } from './process-environment';

/** The docker runtime with its settings and the environment of its containers. */
export function createDockerRuntime({
  config,
  dataSource,
  queueUrl,
  wanted,
  logger,
}: {
  config: Readonly<OrchestratorConfig>;
  dataSource: DataSource;
  queueUrl(): Promise<string>;
  wanted(): Promise<WantedListener[] | null>;
  logger: Logger;
}): DockerListenerRuntime {
  const passed_on = passedOn(config);
  const orchestrator_url = config.listenerOrchestratorUrl;
  const environment = createProcessEnvironment({
    ...{ dataSource, runtime: 'docker', orchestrator_url, queueUrl, passed_on },
    data_dir: '/data',
  });
  const book = new ContainerBook({ dataSource });
  return new DockerListenerRuntime({
    engine: new DockerEngine({ host: config.dockerHost }),
    installation: config.listenerInstallation,
    image: config.listenerImage,
    network: config.listenerNetwork,
    memory_mb: config.listenerMemory_mb,
    cpus: config.listenerMillicpus / 1_000,
    wanted,
    fixedEnvironment: async () => ({
      ...passed_on,
      ORCHESTRATOR_URL: orchestrator_url,
      QUEUE_URL: await queueUrl(),
    }),
    environment: async (member) => ({ ...(await environment(member)), DATA_DIR: '/data', HEALTH_PORT: '8005' }),
    onRemoved: (member) => revokeMemberToken(dataSource, member, 'docker'),
    onSeen: (seen) => book.write(seen),
    logger,
  });
}
