import type { Logger } from '@cortex-mqtt/observability';
import { type LastExit, describeExit } from './container-state';
import { type ContainerEvent, type DockerEngine, DockerEngineError } from './docker-engine';
import { LABEL } from './docker-container';

/** Lines of both outputs that are kept of an end. */
const LAST_LINES = 20;

/** Follows how containers of an installation end: the engine starts them again at once and forgets why they had ended. */
export class DockerExits {
  private readonly exits = new Map<string, LastExit>();
  /** An `oom` comes before the `die` of its container. */
  private readonly out_of_memory = new Set<string>();
  private readonly expected = new Set<string>();
  private following: AbortController | null = null;

  constructor(private readonly deps: { engine: DockerEngine; installation: string; logger: Logger; onEvent(): void }) {}

  of(id: string): LastExit | undefined {
    return this.exits.get(id);
  }

  /** Its end is ours, and says nothing about it. */
  expect(id: string): void {
    this.expected.add(id);
  }

  /** Containers that are gone are forgotten. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const kept of [this.exits, this.expected, this.out_of_memory]) {
      for (const id of kept.keys()) if (!ids.has(id)) kept.delete(id);
    }
  }

  /** Begins, unless it follows already; where the stream breaks off, the next call begins again. */
  follow(): void {
    if (this.following !== null) return;
    const { engine, installation, logger } = this.deps;
    const following = new AbortController();
    this.following = following;
    engine
      .events(`${LABEL.installation}=${installation}`, (event) => this.take(event), following.signal)
      .catch((error: unknown) => {
        if (!following.signal.aborted) logger.warn('the event stream of the Docker engine ended', { error });
      })
      .finally(() => {
        if (this.following === following) this.following = null;
      });
  }

  stop(): void {
    this.following?.abort();
  }

  private take({ Action, Actor: { ID, Attributes } }: ContainerEvent): void {
    if (Action === 'oom') {
      this.out_of_memory.add(ID);
      return;
    }
    if (Action !== 'die') {
      this.deps.onEvent();
      return;
    }
    if (this.expected.has(ID)) return;
    const exit = { exit_code: Number(Attributes.exitCode), out_of_memory: this.out_of_memory.delete(ID) };
    this.remember(ID, Attributes, exit).catch((error: unknown) =>
      this.deps.logger.warn('the last lines of a listener container could not be read', { container: ID, error }),
    );
  }

  private async remember(
    id: string,
    labels: Record<string, string>,
    exit: Pick<LastExit, 'exit_code' | 'out_of_memory'>,
  ): Promise<void> {
    const { engine, logger, onEvent } = this.deps;
    let last_lines: string[] = [];
    try {
      last_lines = await engine.lastLines(id, LAST_LINES);
    } catch (error) {
      // Removed meanwhile: it has no lines any more.
      if (!(error instanceof DockerEngineError) || error.status !== 404) throw error;
    }
    this.exits.set(id, { ...exit, at: new Date().toISOString(), last_lines });
    logger.warn('listener container ended', {
      product_id: Number(labels[LABEL.product]),
      why: describeExit(exit),
      last_lines: last_lines.slice(-5),
    });
    onEvent();
  }
}
