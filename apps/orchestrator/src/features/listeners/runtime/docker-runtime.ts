import type { Logger } from '@cortex-mqtt/observability';
import type { SeenContainer } from './container-book';
import { containerState } from './container-state';
import {
  containerBody,
  containerName,
  type ContainerSettings,
  generationOf,
  LABEL,
  LISTENER_UID,
  SECRETS_FOLDER,
  specOf,
  splitSecrets,
  STOP_GRACE_S,
} from './docker-container';
import { type DockerEngine, DockerEngineError, type ListedContainer } from './docker-engine';
import { DockerExits } from './docker-exits';
import {
  instanceIdOf,
  type ListenerMember,
  type ListenerRuntime,
  membersOf,
  type WantedListener,
} from './listener-runtime';
import { secretArchive } from './secret-archive';
import { Reconciling } from './reconciling';

/** Milliseconds that a new generation may take until its first container is healthy; until then no other is replaced. */
const HEALTHY_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 500;

export interface DockerRuntimeDeps extends ContainerSettings {
  engine: DockerEngine;
  /** null = another orchestrator keeps them. */
  wanted(): Promise<WantedListener[] | null>;
  /** What tells one environment from another without making a token: part of what a container is compared by. */
  fixedEnvironment(): Promise<Record<string, string>>;
  /** The environment of a new container, a fresh token included. */
  environment(member: ListenerMember): Promise<Record<string, string>>;
  /** A member is not wanted any more. */
  onRemoved(member: Pick<ListenerMember, 'product_id' | 'ordinal'>): Promise<void>;
  onSeen(seen: ReadonlyMap<number, SeenContainer[]>): Promise<void>;
  logger: Logger;
}

/**
 * Keeps the containers of enabled products on a Docker engine: adopts what is there and as wanted, replaces one at a time what has
 * another image or other settings, starts again what has ended, removes what is not wanted. The first container of a new
 * generation has to become healthy before another is replaced. Containers outlive the orchestrator; volumes outlive containers.
 */
export class DockerListenerRuntime implements ListenerRuntime {
  private readonly reconciling: Reconciling;
  private readonly exits: DockerExits;
  /** Why the image is not there, or that it is being pulled. */
  private image_trouble: { state: 'pulling' | 'failed'; reason: string } | null = null;

  constructor(private readonly deps: DockerRuntimeDeps) {
    this.reconciling = new Reconciling({ work: () => this.reconcileOnce(), what: 'containers', logger: deps.logger });
    this.exits = new DockerExits({ ...deps, onEvent: () => this.reconcile() });
  }

  start(): Promise<void> {
    return this.reconciling.start();
  }

  reconcile(): void {
    this.reconciling.again();
  }

  /** Containers go on: another orchestrator adopts them. */
  async stop(): Promise<void> {
    const stopped = this.reconciling.stop();
    this.exits.stop();
    await stopped;
  }

  private async reconcileOnce(): Promise<void> {
    const wanted = await this.deps.wanted();
    if (wanted === null) return this.exits.stop();
    this.exits.follow();
    const members = wanted.flatMap(membersOf);
    const found = await this.list();
    for (const container of found) {
      const product_id = Number(container.Labels[LABEL.product]);
      const ordinal = Number(container.Labels[LABEL.ordinal] ?? 1);
      if (members.some((member) => member.product_id === product_id && member.ordinal === ordinal)) continue;
      await this.remove(container);
      await this.deps.onRemoved({ product_id, ordinal });
      this.deps.logger.info('listener container removed: it is no longer wanted', { product_id, ordinal });
    }
    const generation = await this.generation(wanted, found);
    if (generation !== null) await this.keepAll(members, found, generation);
    this.exits.keepOnly(new Set((await this.tell(wanted)).map(({ Id }) => Id)));
  }

  private async keepAll(members: ListenerMember[], found: ListedContainer[], generation: string): Promise<void> {
    for (const member of members) {
      if (this.reconciling.is_stopped) return;
      const name = `/${containerName(this.deps.installation, member)}`;
      const own = found.find(({ Names }) => Names.includes(name));
      // One product's fault must not keep the listeners of the others from running.
      await this.keep(member, own, generation).catch((error: unknown) =>
        this.deps.logger.warn('listener container could not be reconciled; retrying', { ...member, error }),
      );
    }
  }

  private async keep(member: ListenerMember, own: ListedContainer | undefined, generation: string): Promise<void> {
    const { logger } = this.deps;
    if (own === undefined) {
      await this.create(member, generation);
      logger.info('listener container started', { ...member });
    } else if (own.Labels[LABEL.spec] !== specOf(member, generation)) {
      if (!(await this.mayReplace(generation))) return;
      await this.remove(own);
      const id = await this.create(member, generation);
      logger.info('listener container replaced: its image or settings changed', { ...member });
      await this.untilHealthy(id);
    } else if (own.State !== 'running' && own.State !== 'restarting') {
      await this.deps.engine.start(own.Id);
    }
  }

  /** A generation that none of its containers is healthy with goes no further than to the first. */
  private async mayReplace(generation: string): Promise<boolean> {
    const of = (await this.list()).filter(({ Labels }) => Labels[LABEL.generation] === generation);
    return of.length === 0 || of.some(isHealthy);
  }

  private async untilHealthy(id: string): Promise<void> {
    const end_ms = Date.now() + HEALTHY_LIMIT_MS;
    while (Date.now() < end_ms && !this.reconciling.is_stopped) {
      const container = (await this.list()).find(({ Id }) => Id === id);
      if (container === undefined || isHealthy(container) || container.Status.includes('(unhealthy)')) return;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  private async create(member: ListenerMember, generation: string): Promise<string> {
    const { engine, installation } = this.deps;
    const { plain, secrets } = splitSecrets(await this.deps.environment(member));
    const body = containerBody(member, this.deps, { environment: plain, generation });
    const id = await engine.create(containerName(installation, member), body);
    try {
      await engine.put(id, SECRETS_FOLDER, secretArchive(secrets, { uid: LISTENER_UID }));
      await engine.start(id);
    } catch (error) {
      // A container without its token would be taken for a good one.
      await engine.remove(id);
      throw error;
    }
    return id;
  }

  private async remove({ Id, State }: ListedContainer): Promise<void> {
    this.exits.expect(Id);
    if (State === 'running') await this.deps.engine.stop(Id, STOP_GRACE_S);
    await this.deps.engine.remove(Id);
  }

  private list(): Promise<ListedContainer[]> {
    return this.deps.engine.list(`${LABEL.installation}=${this.deps.installation}`);
  }

  /** null = the image cannot be had: what runs is left alone, and what is missing says why. */
  private async generation(wanted: readonly WantedListener[], found: ListedContainer[]): Promise<string | null> {
    const { engine, image, logger } = this.deps;
    const fixed_environment = await this.deps.fixedEnvironment();
    try {
      this.image_trouble = null;
      return generationOf(this.deps, { image_id: await engine.imageId(image), fixed_environment });
    } catch (error) {
      if (!(error instanceof DockerEngineError) || error.status !== 404) throw error;
    }
    try {
      logger.info('pulling the image of the listeners', { image });
      this.image_trouble = { state: 'pulling', reason: `${image} is being pulled` };
      await this.tell(wanted, found);
      await engine.pull(image);
      const image_id = await engine.imageId(image);
      this.image_trouble = null;
      return generationOf(this.deps, { image_id, fixed_environment });
    } catch (error) {
      if (!(error instanceof DockerEngineError)) throw error;
      logger.warn('the image of the listeners cannot be pulled; trying again', { image, error });
      this.image_trouble = { state: 'failed', reason: `${image} cannot be pulled: ${error.message}` };
      return null;
    }
  }

  private async tell(wanted: readonly WantedListener[], known?: ListedContainer[]): Promise<ListedContainer[]> {
    const found = known ?? (await this.list());
    const seen = new Map<number, SeenContainer[]>();
    for (const listener of wanted) {
      seen.set(listener.product_id, await Promise.all(membersOf(listener).map((member) => this.see(member, found))));
    }
    await this.deps.onSeen(seen);
    return found;
  }

  private async see(member: ListenerMember, found: readonly ListedContainer[]): Promise<SeenContainer> {
    const { engine, image } = this.deps;
    const name = containerName(this.deps.installation, member);
    const container = found.find(({ Names }) => Names.includes(`/${name}`));
    const about = { name, instance_id: instanceIdOf(member), runtime: 'docker' as const, image };
    if (container === undefined) {
      const { state, reason } = this.image_trouble ?? { state: 'starting' as const, reason: null };
      return { ...about, state, reason, exit_code: null, restarts: 0, last_lines: [] };
    }
    const last = this.exits.of(container.Id);
    // The list has no count; only who has ended is worth a question of its own.
    const restarts = last === undefined && container.State === 'running' ? 0 : await engine.restarts(container.Id);
    const { exit_code = null, last_lines = [] } = last ?? {};
    return { ...about, ...containerState(container, last), exit_code, restarts, last_lines };
  }
}

const isHealthy = ({ State, Status }: ListedContainer): boolean => State === 'running' && Status.includes('(healthy)');
