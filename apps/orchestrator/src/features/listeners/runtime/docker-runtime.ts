import { createHash } from 'node:crypto';
import type { Logger } from '@cortex-mqtt/observability';
import type { DockerEngine, ListedContainer } from './docker-engine';
import { DockerEngineError } from './docker-engine';
import type { ListenerRuntime, WantedListener } from './listener-runtime';
import { secretArchive } from './secret-archive';

const RECONCILE_EVERY_MS = 15_000;
/** Seconds a listener may take to end what is in flight; more than its own STOP_TIMEOUT. */
const STOP_GRACE_S = 30;
const LAST_LINES = 5;
/** `node` in the image. */
const LISTENER_UID = 1_000;
const SECRETS_FOLDER = '/run/cortex';
const LABEL = { installation: 'cortex-mqtt.installation', product: 'cortex-mqtt.product', spec: 'cortex-mqtt.spec' };
/** Variables that no `docker inspect` may show. */
const SECRET_VARIABLES = ['LISTENER_TOKEN', 'QUEUE_URL'];

export interface DockerRuntimeDeps {
  engine: DockerEngine;
  /** Sets containers of this orchestrator apart from those of others on the same engine. */
  installation: string;
  image: string;
  /** Name of a network; undefined = the engine's default one. */
  network: string | undefined;
  memory_mb: number;
  cpus: number;
  /** null = another orchestrator keeps them. */
  wanted(): Promise<WantedListener[] | null>;
  /** What tells one environment from another without making a token: part of what a container is compared by. */
  fixed_environment: Record<string, string>;
  /** The environment of a new container, a fresh token included. */
  environment(listener: WantedListener): Promise<Record<string, string>>;
  logger: Logger;
}

/**
 * Keeps a container per enabled product on a Docker engine: adopts what is there and as wanted, replaces one at a time what has
 * another image or other settings, starts again what has ended, removes what is not wanted. Containers outlive the orchestrator;
 * volumes outlive containers.
 */
export class DockerListenerRuntime implements ListenerRuntime {
  private interval: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = false;

  constructor(private readonly deps: DockerRuntimeDeps) {}

  async start(): Promise<void> {
    this.interval = setInterval(() => this.reconcile(), RECONCILE_EVERY_MS);
    this.reconcile();
    await this.running;
  }

  reconcile(): void {
    if (this.stopped) return;
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = this.reconcileOnce()
      .catch((error: unknown) =>
        this.deps.logger.warn('listener containers could not be reconciled; trying again', { error }),
      )
      .finally(() => {
        this.running = null;
        if (this.again) {
          this.again = false;
          this.reconcile();
        }
      });
  }

  /** Containers go on: another orchestrator adopts them. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.interval) clearInterval(this.interval);
    await this.running;
  }

  private async reconcileOnce(): Promise<void> {
    const { engine, installation, logger } = this.deps;
    const wanted = await this.deps.wanted();
    if (wanted === null) return;
    const found = await engine.list(`${LABEL.installation}=${installation}`);
    const image_id = await this.imageId();
    for (const container of found) {
      const product = container.Labels[LABEL.product];
      if (wanted.some(({ product_id }) => String(product_id) === product)) continue;
      await this.remove(container);
      logger.info('listener container removed: its product is not enabled any more', { product_id: Number(product) });
    }
    for (const listener of wanted) {
      if (this.stopped) return;
      const own = found.filter(({ Labels }) => Labels[LABEL.product] === String(listener.product_id));
      // One product's fault must not keep the listeners of the others from running.
      await this.keep(listener, own, image_id).catch((error: unknown) =>
        logger.warn('listener container could not be kept; trying again', { product_id: listener.product_id, error }),
      );
    }
  }

  private async keep(listener: WantedListener, own: ListedContainer[], image_id: string): Promise<void> {
    const { engine, logger } = this.deps;
    const { product_id, slug } = listener;
    const spec = this.specOf(listener, image_id);
    const [good, ...others] = own.filter(({ Labels }) => Labels[LABEL.spec] === spec);
    for (const container of own) {
      if (container === good) continue;
      await this.remove(container);
      if (!others.includes(container))
        logger.info('listener container replaced: its image or settings changed', { product_id });
    }
    if (good === undefined) {
      await this.create(listener, spec);
      logger.info('listener container started', { product_id, slug });
    } else if (good.State !== 'running' && good.State !== 'restarting') {
      const { State } = await engine.inspect(good.Id);
      if (State.Status !== 'created') {
        const why = State.OOMKilled ? 'out of memory' : `exit code ${State.ExitCode}`;
        const last_lines = await engine.lastLines(good.Id, LAST_LINES);
        logger.warn('listener container ended; starting it again', { product_id, why, last_lines });
      }
      await engine.start(good.Id);
    }
  }

  private async create(listener: WantedListener, spec: string): Promise<void> {
    const { engine, installation, image, network, memory_mb, cpus } = this.deps;
    const environment = await this.deps.environment(listener);
    const secrets: Record<string, string> = {};
    const plain: string[] = [];
    for (const [variable, value] of Object.entries(environment)) {
      if (!SECRET_VARIABLES.includes(variable)) plain.push(`${variable}=${value}`);
      else {
        secrets[variable] = value;
        plain.push(`${variable}_FILE=${SECRETS_FOLDER}/${variable}`);
      }
    }
    // By id and not by slug: a slug can change, and its volume must stay the product's.
    const name = `cortex-${installation}-listener-${listener.product_id}`;
    const id = await engine.create(name, {
      Image: image,
      Env: plain,
      Labels: {
        [LABEL.installation]: installation,
        [LABEL.product]: String(listener.product_id),
        [LABEL.spec]: spec,
        'cortex-mqtt.slug': listener.slug,
      },
      StopTimeout: STOP_GRACE_S,
      HostConfig: {
        NetworkMode: network,
        Memory: memory_mb * 1_048_576,
        MemorySwap: memory_mb * 1_048_576,
        NanoCpus: Math.round(cpus * 1e9),
        PidsLimit: 256,
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges:true'],
        RestartPolicy: { Name: 'unless-stopped' },
        LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
        Mounts: [
          { Type: 'volume', Source: `${name}-data`, Target: '/data' },
          { Type: 'volume', Source: `${name}-secrets`, Target: SECRETS_FOLDER },
        ],
      },
    });
    try {
      await engine.put(id, SECRETS_FOLDER, secretArchive(secrets, { uid: LISTENER_UID }));
      await engine.start(id);
    } catch (error) {
      // A container without its token would be taken for a good one.
      await engine.remove(id);
      throw error;
    }
  }

  private async remove({ Id, State }: ListedContainer): Promise<void> {
    if (State === 'running') await this.deps.engine.stop(Id, STOP_GRACE_S);
    await this.deps.engine.remove(Id);
  }

  private async imageId(): Promise<string> {
    const { engine, image, logger } = this.deps;
    try {
      return await engine.imageId(image);
    } catch (error) {
      if (!(error instanceof DockerEngineError) || error.status !== 404) throw error;
      logger.info('pulling the image of the listeners', { image });
      await engine.pull(image);
      return engine.imageId(image);
    }
  }

  private specOf({ product_id, slug }: WantedListener, image_id: string): string {
    const { network, memory_mb, cpus, fixed_environment } = this.deps;
    const what = { product_id, slug, image_id, network, memory_mb, cpus, fixed_environment };
    return createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 32);
  }
}
