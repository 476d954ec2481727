import type { Logger } from '@cortex-mqtt/observability';
import type { SeenContainer } from '../runtime/container-book';
import type { ListenerRuntime, WantedListener } from '../runtime/listener-runtime';
import { Reconciling } from '../runtime/reconciling';
import type { KubernetesApi, KubernetesObject } from './kubernetes-api';
import {
  ANNOTATION,
  hashOf,
  isScaled,
  LABEL,
  labelsOf,
  type ListenerSettings,
  nameOf,
  type Owner,
  ownedObjects,
  secret,
  statefulSet,
} from './listener-objects';
import { type Pod, podState } from './pod-state';

const LAST_LINES = 20;

export interface KubernetesRuntimeDeps {
  api: Pick<KubernetesApi, 'apply' | 'list' | 'read' | 'remove' | 'previousLines'>;
  settings: ListenerSettings;
  /** Name of the Deployment that listeners go with; undefined = they stay when it goes. */
  owner: string | undefined;
  /** null = another orchestrator keeps them. */
  wanted(): Promise<WantedListener[] | null>;
  queueUrl(): Promise<string>;
  /** A new token; the one before is revoked. */
  freshToken(product_id: number): Promise<string>;
  onRemoved(product_id: number): Promise<void>;
  onSeen(seen: ReadonlyMap<number, SeenContainer[]>): Promise<void>;
  logger: Logger;
}

interface StoredSet extends KubernetesObject {
  status?: { readyReplicas?: number; updatedReplicas?: number };
}

/**
 * Keeps a StatefulSet per enabled product, with its secret, service, disruption budget and, where KEDA scales it, a ScaledObject.
 * Kubernetes starts, restarts and replaces pods; this says what there should be, by server-side apply. A new generation goes
 * no further than to the first product until that has a ready pod of it.
 */
export class KubernetesListenerRuntime implements ListenerRuntime {
  private readonly reconciling: Reconciling;
  /** What pods wrote before their last end, by pod and number of restarts. */
  private readonly lines = new Map<string, { restarts: number; last_lines: string[] }>();

  constructor(private readonly deps: KubernetesRuntimeDeps) {
    this.reconciling = new Reconciling({ work: () => this.reconcileOnce(), what: 'pods', logger: deps.logger });
  }

  start(): Promise<void> {
    return this.reconciling.start();
  }

  reconcile(): void {
    this.reconciling.again();
  }

  /** Pods go on: another orchestrator adopts them. */
  stop(): Promise<void> {
    return this.reconciling.stop();
  }

  private async reconcileOnce(): Promise<void> {
    const { api, settings, logger } = this.deps;
    const wanted = await this.deps.wanted();
    if (wanted === null) return;
    const labels = labelsOf(settings.installation);
    const sets = await api.list<StoredSet>('StatefulSet', labels);
    for (const set of sets) {
      const product_id = Number(set.metadata.labels?.[LABEL.product]);
      if (wanted.some((listener) => listener.product_id === product_id)) continue;
      await api.remove('StatefulSet', set.metadata.name);
      await api.remove('Secret', set.metadata.name);
      await this.deps.onRemoved(product_id);
      logger.info('listener pods removed: the product is no longer enabled', { product_id });
    }
    const queue_url = await this.deps.queueUrl();
    const owner = await this.owner();
    const generation = hashOf({ ...settings, queue_url, owner });
    const is_proven =
      !sets.some((set) => set.metadata.annotations?.[ANNOTATION.generation] === generation) ||
      sets.some((set) => isReady(set, generation));
    let may_replace = is_proven;
    for (const listener of wanted) {
      if (this.reconciling.is_stopped) return;
      const found = sets.find(({ metadata }) => metadata.name === nameOf(settings, listener.product_id));
      const spec = hashOf({ ...listener, generation });
      if (found?.metadata.annotations?.[ANNOTATION.spec] === spec) continue;
      const is_another = found !== undefined && found.metadata.annotations?.[ANNOTATION.generation] !== generation;
      if (is_another && !may_replace) continue;
      // One product's fault must not keep the listeners of the others from running.
      await this.keep(listener, found, { queue_url, owner, generation, spec }).catch((error: unknown) =>
        logger.warn('listener pods could not be reconciled; retrying', { product_id: listener.product_id, error }),
      );
      // The first of a generation goes alone; the next look says how it is.
      if (is_another && !sets.some((set) => isReady(set, generation))) may_replace = false;
    }
    await this.tell(wanted, await api.list<Pod>('Pod', labels));
  }

  private async keep(
    listener: WantedListener,
    found: StoredSet | undefined,
    about: { queue_url: string; owner: Owner | null; generation: string; spec: string },
  ): Promise<void> {
    const { api, settings, logger } = this.deps;
    const { queue_url, owner, generation, spec } = about;
    const of_secret = hashOf({ queue_url });
    let secret_hash = found?.metadata.annotations?.[ANNOTATION.secret];
    if (secret_hash === undefined || !secret_hash.startsWith(of_secret)) {
      const LISTENER_TOKEN = await this.deps.freshToken(listener.product_id);
      secret_hash = `${of_secret}-${hashOf({ LISTENER_TOKEN }).slice(0, 8)}`;
      await api.apply(secret(listener, settings, { LISTENER_TOKEN, QUEUE_URL: queue_url }, owner));
    }
    const annotations = {
      [ANNOTATION.generation]: generation,
      [ANNOTATION.spec]: spec,
      [ANNOTATION.secret]: secret_hash,
    };
    const { apiVersion, kind, metadata } = await api.apply(statefulSet(listener, settings, { annotations, owner }));
    const set: Owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '' };
    for (const object of ownedObjects(listener, settings, set)) await api.apply(object);
    if (found !== undefined && !isScaled(listener, settings) && settings.keda_authentication !== undefined) {
      await api.remove('ScaledObject', set.name);
    }
    logger.info(found === undefined ? 'listener pods started' : 'listener pods changed', { ...listener });
  }

  /** Listeners go with the Deployment of the orchestrator, as when a release is uninstalled. */
  private async owner(): Promise<Owner | null> {
    const { api, owner } = this.deps;
    if (owner === undefined) return null;
    const deployment = await api.read<KubernetesObject>('Deployment', owner);
    if (deployment === null) throw new Error(`there is no Deployment "${owner}" that listeners could belong to`);
    const { name, uid = '' } = deployment.metadata;
    return { apiVersion: 'apps/v1', kind: 'Deployment', name, uid };
  }

  private async tell(wanted: readonly WantedListener[], pods: readonly Pod[]): Promise<void> {
    const seen = new Map<number, SeenContainer[]>();
    for (const { product_id } of wanted) {
      const own = pods.filter(({ metadata }) => metadata.labels?.[LABEL.product] === String(product_id));
      seen.set(product_id, await Promise.all(own.map((pod) => this.see(pod))));
    }
    for (const name of this.lines.keys()) {
      if (!pods.some(({ metadata }) => metadata.name === name)) this.lines.delete(name);
    }
    await this.deps.onSeen(seen);
  }

  private async see(pod: Pod): Promise<SeenContainer> {
    const { name } = pod.metadata;
    const state = podState(pod);
    const image = this.deps.settings.image;
    const last_lines = state.restarts === 0 ? [] : await this.lastLines(name, state.restarts);
    return { name, instance_id: name, runtime: 'kubernetes', image, ...state, last_lines };
  }

  private async lastLines(pod: string, restarts: number): Promise<string[]> {
    const known = this.lines.get(pod);
    if (known?.restarts === restarts) return known.last_lines;
    const last_lines = await this.deps.api.previousLines(pod, LAST_LINES);
    this.lines.set(pod, { restarts, last_lines });
    return last_lines;
  }
}

const isReady = ({ metadata, status }: StoredSet, generation: string): boolean =>
  metadata.annotations?.[ANNOTATION.generation] === generation &&
  (status?.readyReplicas ?? 0) > 0 &&
  (status?.updatedReplicas ?? 0) > 0;
