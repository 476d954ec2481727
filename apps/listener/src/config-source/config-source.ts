import type { ConfigSource, ListenerConfigDocument } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
import type { EncryptedFile } from '@cortex-mqtt/secrets';
import { checkDocument } from './config-document';
import {
  type OrchestratorClient,
  OrchestratorUnavailableError,
  ProductDeletedError,
  TokenRefusedError,
} from './orchestrator-client';

/** A configuration and where it is from. */
export interface SourcedDocument {
  document: ListenerConfigDocument;
  source: ConfigSource;
}

export interface ConfigSourceDeps {
  /** null: there is no orchestrator, the environment is all. */
  client: OrchestratorClient | null;
  cache: EncryptedFile | null;
  environment: ListenerConfigDocument | null;
  poll_interval_ms: number;
  logger: Logger;
  /** A configuration that differs from the last one told, or the same from a better source. */
  onDocument(sourced: SourcedDocument): void;
  /** A document that cannot be used; the one before stays in effect. */
  onRejected(rejected: { revision: number; reason: string }): void;
  /** The token is not known: whoever started this process can give it another. Told at every look. */
  onTokenUnknown(): void;
  /** For tests: milliseconds for which the configuration is kept meanwhile. */
  unknown_token_grace_ms?: number;
  /** The token is refused: nothing that was cached may be used any longer. `is_deleted`: because its product is. */
  onTokenRefused(reason: string, about: { is_deleted: boolean }): void;
}

/**
 * Milliseconds for which a listener whose token is not in the database keeps its configuration: time for a new token after a
 * restore, and no more than that: nobody vouches for what it does meanwhile.
 */
const UNKNOWN_TOKEN_GRACE_MS = 120_000;

/**
 * Where the configuration comes from: orchestrator, else the last known good on disk, else the environment. Asks again at
 * every poll and whenever `refresh()` is called; a better source takes over as soon as it answers.
 */
export class ConfigSourceChain {
  private etag: string | null = null;
  private inForce: ConfigSource | null = null;
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = false;
  /** Why the orchestrator's configuration is not the one in effect; null when it is. */
  lastFault: string | null = null;
  /** Why the disk holds an older configuration than the one in effect, or none; null when it holds this one. */
  cacheFault: string | null = null;
  private uncached: ListenerConfigDocument | null = null;
  /** Since when the token is not known; null while it is, or is refused for another reason. */
  private unknown_since_ms: number | null = null;

  constructor(private readonly deps: ConfigSourceDeps) {}

  async start(): Promise<void> {
    await this.refresh();
    if (this.deps.client === null || this.stopped) return;
    this.timer = setInterval(() => void this.refresh(), this.deps.poll_interval_ms);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearInterval(this.timer);
    await this.running;
  }

  /** Looks again now; calls that come while one is under way are one further look. */
  async refresh(): Promise<void> {
    if (this.running) {
      this.again = true;
      await this.running;
      return;
    }
    this.running = this.lookUntilSettled();
    try {
      await this.running;
    } finally {
      this.running = null;
    }
  }

  /** Forgets the ETag, so that the next look brings the whole document: credentials were refused and may be new. */
  forgetVersion(): void {
    this.etag = null;
  }

  private async lookUntilSettled(): Promise<void> {
    do {
      this.again = false;
      await this.look();
    } while (this.again && !this.stopped);
  }

  private async look(): Promise<void> {
    const { client, environment } = this.deps;
    if (client === null) {
      if (environment && this.inForce === null) this.tell({ document: environment, source: 'environment' });
      return;
    }
    try {
      const answer = await client.fetchConfig(this.etag);
      this.lastFault = null;
      this.unknown_since_ms = null;
      if (answer.kind === 'unchanged') {
        await this.keep();
        return;
      }
      await this.take(answer.document, answer.etag);
    } catch (error) {
      await this.orchestratorFailed(error);
    }
  }

  private async take(input: unknown, etag: string | null): Promise<void> {
    const checked = checkDocument(input);
    if (!checked.ok) {
      const reason = checked.faults.map(({ field, message }) => `${field} ${message}`).join('; ');
      this.lastFault = `the orchestrator’s configuration cannot be used: ${reason}`;
      this.deps.logger.warn('configuration rejected', { reason });
      this.deps.onRejected({ revision: revisionOf(input), reason });
      return;
    }
    this.etag = etag;
    this.tell({ document: checked.document, source: 'orchestrator' });
    this.uncached = checked.document;
    await this.keep();
  }

  /** Writes what is in effect to disk. What can't be written is retried at the next look; the file before stays whole. */
  private async keep(): Promise<void> {
    const document = this.uncached;
    if (document === null || this.deps.cache === null) return;
    try {
      await this.deps.cache.write(JSON.stringify(document));
      if (this.uncached === document) this.uncached = null;
      if (this.cacheFault !== null) this.deps.logger.info('last known good configuration can be written again');
      this.cacheFault = null;
    } catch (error) {
      if (this.cacheFault === null)
        this.deps.logger.warn('last known good configuration could not be written', { error });
      this.cacheFault = error instanceof Error ? error.message : String(error);
    }
  }

  private async orchestratorFailed(error: unknown): Promise<void> {
    this.lastFault = error instanceof Error ? error.message : String(error);
    if (error instanceof TokenRefusedError && this.isInGrace(error)) {
      this.deps.logger.warn('the orchestrator does not know this listener’s token; its configuration is kept for now');
      this.deps.onTokenUnknown();
      if (this.inForce === null) await this.fallBack();
      return;
    }
    if (error instanceof TokenRefusedError) {
      this.deps.logger.error('the orchestrator refuses this listener’s token', { error });
      this.etag = null;
      this.inForce = null;
      this.uncached = null;
      this.deps.onTokenRefused(this.lastFault, { is_deleted: error instanceof ProductDeletedError });
      await this.deps.cache?.remove();
      return;
    }
    this.deps.logger.warn('configuration could not be fetched', { reason: this.lastFault });
    if (!(error instanceof OrchestratorUnavailableError) || this.inForce !== null) return;
    await this.fallBack();
  }

  private isInGrace({ is_unknown }: TokenRefusedError): boolean {
    if (!is_unknown) {
      this.unknown_since_ms = null;
      return false;
    }
    const now_ms = performance.now();
    this.unknown_since_ms ??= now_ms;
    return now_ms - this.unknown_since_ms < (this.deps.unknown_token_grace_ms ?? UNKNOWN_TOKEN_GRACE_MS);
  }

  private async fallBack(): Promise<void> {
    const cached = await this.cached();
    if (cached) this.tell({ document: cached, source: 'last_known_good' });
    else if (this.deps.environment) this.tell({ document: this.deps.environment, source: 'environment' });
  }

  private async cached(): Promise<ListenerConfigDocument | null> {
    try {
      const text = (await this.deps.cache?.read()) ?? null;
      if (text === null) return null;
      const checked = checkDocument(JSON.parse(text));
      if (checked.ok) return checked.document;
      this.deps.logger.warn('last known good configuration is damaged', { faults: checked.faults });
    } catch (error) {
      this.deps.logger.warn('last known good configuration could not be read', { error });
    }
    return null;
  }

  private tell(sourced: SourcedDocument): void {
    if (this.stopped) return;
    if (this.inForce !== sourced.source) {
      this.deps.logger.info('configuration source changed', {
        source: sourced.source,
        revision: sourced.document.revision,
      });
    }
    this.inForce = sourced.source;
    this.deps.onDocument(sourced);
  }
}

function revisionOf(input: unknown): number {
  const revision = typeof input === 'object' && input !== null && 'revision' in input ? input.revision : null;
  return typeof revision === 'number' && Number.isSafeInteger(revision) ? revision : 0;
}
