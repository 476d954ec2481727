import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '@cortex-mqtt/observability';
import type { DataSource } from 'typeorm';
import type { OrchestratorConfig } from '../../../config';
import { ContainerBook } from '../runtime/container-book';
import type { WantedListener } from '../runtime/listener-runtime';
import { passedOn } from '../runtime/passed-on';
import { freshMemberToken, revokeMemberToken } from '../runtime/process-environment';
import { KubernetesApi } from './kubernetes-api';
import { KubernetesListenerRuntime } from './kubernetes-runtime';

/** The kubernetes runtime with its settings; the service account is the one of the orchestrator's pod. */
export function createKubernetesRuntime({
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
}): KubernetesListenerRuntime {
  const account = config.kubernetesServiceAccountDir;
  const namespace = config.listenerNamespace ?? readFileSync(join(account, 'namespace'), 'utf8').trim();
  const orchestrator_url = config.listenerOrchestratorUrl;
  const book = new ContainerBook({ dataSource });
  return new KubernetesListenerRuntime({
    api: new KubernetesApi({
      url: config.kubernetesApiUrl,
      namespace,
      token_file: join(account, 'token'),
      ca_file: join(account, 'ca.crt'),
    }),
    settings: {
      installation: config.listenerInstallation,
      namespace,
      image: config.listenerImage,
      image_pull_secret: config.listenerImagePullSecret,
      memory_mb: config.listenerMemory_mb,
      millicpus: config.listenerMillicpus,
      volume_mb: config.listenerVolume_mb,
      storage_class: config.listenerStorageClass,
      keda_authentication: config.listenerKedaAuthentication,
      orchestrator_url,
      environment: { ...passedOn(config), ORCHESTRATOR_URL: orchestrator_url },
    },
    owner: config.listenerOwnerDeployment,
    wanted,
    queueUrl,
    freshToken: (product_id) => freshMemberToken(dataSource, { product_id, ordinal: 1 }, 'kubernetes'),
    onRemoved: (product_id) => revokeMemberToken(dataSource, { product_id, ordinal: 1 }, 'kubernetes'),
    onSeen: (seen) => book.write(seen),
    logger,
  });
}
