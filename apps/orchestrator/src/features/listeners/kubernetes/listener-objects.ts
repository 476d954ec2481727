import { createHash } from 'node:crypto';
import type { WantedListener } from '../runtime/listener-runtime';
import type { KubernetesObject } from './kubernetes-api';

export const LABEL = { installation: 'cortex-mqtt/installation', product: 'cortex-mqtt/product' };
export const ANNOTATION = {
  /** Image and settings that all listeners have in common. */
  generation: 'cortex-mqtt/generation',
  /** All that the objects of a product are made from. */
  spec: 'cortex-mqtt/spec',
  /** What the secret is made from, but for the token. */
  secret: 'cortex-mqtt/secret',
};
const SECRETS_FOLDER = '/run/cortex';
const HEALTH_PORT = 8005;
/** Seconds a listener may take to end what is in flight; more than its own STOP_TIMEOUT. */
const STOP_GRACE_S = 40;
/** `node` in the image. */
const LISTENER_UID = 1_000;

export interface ListenerSettings {
  installation: string;
  namespace: string;
  image: string;
  image_pull_secret: string | undefined;
  memory_mb: number;
  millicpus: number;
  volume_mb: number;
  /** undefined = the cluster's default. */
  storage_class: string | undefined;
  /** Name of a TriggerAuthentication; with it KEDA scales products that share their load. */
  keda_authentication: string | undefined;
  /** Where KEDA asks how many are wanted. */
  orchestrator_url: string;
  /** What is not secret in a listener's environment. */
  environment: Record<string, string>;
}

export interface Owner {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
}

export const labelsOf = (installation: string): string => `${LABEL.installation}=${installation}`;

/** By id and not by slug: a slug can change, and the volumes must stay the product's. */
export const nameOf = ({ installation }: Pick<ListenerSettings, 'installation'>, product_id: number): string =>
  `cortex-${installation}-${product_id}`;

export const hashOf = (what: object): string =>
  createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 32);

/** One that KEDA scales has its replicas from there. */
export const isScaled = (listener: WantedListener, settings: ListenerSettings): boolean =>
  listener.is_shared && settings.keda_authentication !== undefined;

/** The StatefulSet: stable names are stable instance ids, and so the sessions at the broker. */
export function statefulSet(
  listener: WantedListener,
  settings: ListenerSettings,
  { annotations, owner }: { annotations: Record<string, string>; owner: Owner | null },
): KubernetesObject {
  const metadata = metadataOf(listener, settings, owner);
  const { storage_class, volume_mb } = settings;
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { ...metadata, annotations },
    spec: {
      serviceName: metadata.name,
      ...(isScaled(listener, settings) ? {} : { replicas: listener.replicas }),
      selector: { matchLabels: selectorOf(listener, settings) },
      updateStrategy: { type: 'RollingUpdate' },
      minReadySeconds: 5,
      template: {
        metadata: {
          labels: metadata.labels,
          // Another token or queue is taken by new pods only.
          annotations: { [ANNOTATION.secret]: annotations[ANNOTATION.secret] ?? '' },
        },
        spec: podSpec(metadata.name, settings),
      },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: {
            accessModes: ['ReadWriteOnce'],
            ...(storage_class === undefined ? {} : { storageClassName: storage_class }),
            resources: { requests: { storage: `${volume_mb}Mi` } },
          },
        },
      ],
    },
  };
}

/** Restricted by the Pod Security Standards. */
function podSpec(name: string, settings: ListenerSettings): object {
  const { image, image_pull_secret, memory_mb, millicpus, environment } = settings;
  const probe = { httpGet: { path: '/livez', port: 'health' } };
  const plain = Object.entries(environment).sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: STOP_GRACE_S,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: LISTENER_UID,
      runAsGroup: LISTENER_UID,
      fsGroup: LISTENER_UID,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(image_pull_secret === undefined ? {} : { imagePullSecrets: [{ name: image_pull_secret }] }),
    containers: [
      {
        name: 'listener',
        image,
        env: [
          { name: 'INSTANCE_ID', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'LISTENER_TOKEN_FILE', value: `${SECRETS_FOLDER}/LISTENER_TOKEN` },
          { name: 'QUEUE_URL_FILE', value: `${SECRETS_FOLDER}/QUEUE_URL` },
          { name: 'DATA_DIR', value: '/data' },
          { name: 'HEALTH_HOST', value: '0.0.0.0' },
          { name: 'HEALTH_PORT', value: String(HEALTH_PORT) },
          ...plain.map(([variable, value]) => ({ name: variable, value })),
        ],
        ports: [{ name: 'health', containerPort: HEALTH_PORT }],
        startupProbe: { ...probe, periodSeconds: 2, failureThreshold: 60 },
        livenessProbe: { ...probe, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
        // Not whether the broker is there: a broker that is away must not hold up a rollout.
        readinessProbe: { ...probe, periodSeconds: 5, timeoutSeconds: 5 },
        resources: {
          requests: { cpu: `${Math.ceil(millicpus / 4)}m`, memory: `${memory_mb}Mi` },
          limits: { cpu: `${millicpus}m`, memory: `${memory_mb}Mi` },
        },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [
          { name: 'data', mountPath: '/data' },
          { name: 'secrets', mountPath: SECRETS_FOLDER, readOnly: true },
        ],
      },
    ],
    volumes: [{ name: 'secrets', secret: { secretName: name, defaultMode: 0o440 } }],
  };
}

/** What belongs to the StatefulSet and goes with it. */
export function ownedObjects(listener: WantedListener, settings: ListenerSettings, owner: Owner): KubernetesObject[] {
  const metadata = metadataOf(listener, settings, owner);
  const selector = selectorOf(listener, settings);
  const service: KubernetesObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector,
      ports: [{ name: 'health', port: HEALTH_PORT, targetPort: 'health' }],
    },
  };
  const budget: KubernetesObject = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata,
    spec: { maxUnavailable: 1, selector: { matchLabels: selector } },
  };
  return [service, budget, ...(isScaled(listener, settings) ? [scaledObject(listener, settings, metadata)] : [])];
}

/** KEDA asks the orchestrator how many are wanted. Never none: the broker may hold messages that nobody would take. */
function scaledObject(
  { product_id, replicas }: WantedListener,
  { orchestrator_url, keda_authentication }: ListenerSettings,
  metadata: KubernetesObject['metadata'],
): KubernetesObject {
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata,
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: metadata.name },
      pollingInterval: 15,
      minReplicaCount: Math.max(1, replicas),
      maxReplicaCount: 50,
      // What is not known changes nothing.
      fallback: { failureThreshold: 3, replicas: Math.max(1, replicas), behavior: 'currentReplicasIfHigher' },
      triggers: [
        {
          type: 'metrics-api',
          metricType: 'AverageValue',
          metadata: {
            url: `${orchestrator_url}/api/v1/products/${product_id}/scaling`,
            valueLocation: 'wanted_replicas',
            targetValue: '1',
            authMode: 'bearer',
          },
          authenticationRef: { name: keda_authentication },
        },
      ],
    },
  };
}

export function secret(
  listener: WantedListener,
  settings: ListenerSettings,
  values: { LISTENER_TOKEN: string; QUEUE_URL: string },
  owner: Owner | null,
): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadataOf(listener, settings, owner),
    type: 'Opaque',
    data: Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
    ),
  };
}

function metadataOf(listener: WantedListener, settings: ListenerSettings, owner: Owner | null) {
  return {
    name: nameOf(settings, listener.product_id),
    namespace: settings.namespace,
    labels: {
      'app.kubernetes.io/name': 'cortex-mqtt-listener',
      'app.kubernetes.io/part-of': 'cortex-mqtt',
      'app.kubernetes.io/managed-by': 'cortex-mqtt',
      'cortex-mqtt/slug': listener.slug,
      ...selectorOf(listener, settings),
    },
    ...(owner === null ? {} : { ownerReferences: [{ ...owner, blockOwnerDeletion: false, controller: false }] }),
  };
}

/** What never changes of a product: a selector can't. */
const selectorOf = ({ product_id }: WantedListener, { installation }: ListenerSettings): Record<string, string> => ({
  [LABEL.installation]: installation,
  [LABEL.product]: String(product_id),
});
