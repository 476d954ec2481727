import { randomBytes } from 'node:crypto';
import type { Logger } from '@cortex-mqtt/observability';
import { Pool } from 'pg';
import type { DataSource } from 'typeorm';
import { CONFIGURATION_CHANNEL } from '../../configuration/configuration-channel';
import { ChangeFeed } from '../../database/change-feed';
import { decodeStatusChange, STATUS_CHANNEL } from '../connection-status/status-channel';
import { KnownTokens } from '../listener-tokens/known-tokens';
import { Hearing } from '../replicas/hearing';
import { FleetReports } from './fleet-reports';
import { type StatusReportDeps, StatusReportService } from './status-report.service';

/** Connections reserved for reports: one for the batch under way, others for what is read meanwhile. */
const CONNECTIONS = 3;
const WRITE_TOKENS_EVERY_MS = 5_000;

export interface FleetDeps {
  dataSource: DataSource;
  database_url: string;
  stale_after_ms: number;
  adopt_after_ms: number;
  silenceWatches?: StatusReportDeps['silenceWatches'];
  logger: Logger;
}

/** Everything that takes reports in, with what this orchestrator remembers of products and the feed that keeps it true. */
export class Fleet {
  readonly changes: ChangeFeed;
  readonly statusReports: StatusReportService;
  readonly reports: FleetReports;
  readonly tokens: KnownTokens;
  private readonly pool: Pool;
  private readonly node_id = randomBytes(6).toString('hex');
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly deps: FleetDeps) {
    const { dataSource, database_url, stale_after_ms, adopt_after_ms, logger } = deps;
    this.pool = new Pool({
      connectionString: database_url,
      max: CONNECTIONS,
      application_name: 'cortex-mqtt-fleet',
      connectionTimeoutMillis: 5_000,
      query_timeout: 10_000,
      keepAlive: true,
    });
    // An idle connection that is cut is replaced at the next query.
    this.pool.on('error', (error) => logger.warn('a connection for reports was lost', { error }));
    this.changes = new ChangeFeed({ database_url, logger });
    const hearing = new Hearing(stale_after_ms);
    const { node_id, changes } = this;
    this.tokens = new KnownTokens({ db: this.pool });
    this.reports = new FleetReports({
      db: this.pool,
      node_id,
      hearing,
      stale_after_ms,
      adopt_after_ms,
      isListening: () => changes.isListening,
      silenceWatches: async (product_id) =>
        (await deps.silenceWatches?.(dataSource.manager, product_id, { is_first_report: false })) ?? [],
      logger,
    });
    this.statusReports = new StatusReportService({
      dataSource,
      node_id,
      hearing,
      stale_after_ms,
      adopt_after_ms,
      silenceWatches: deps.silenceWatches,
      onTaken: (product_id) => this.reports.memory.forget(product_id),
    });
    changes.follow({
      channels: [STATUS_CHANNEL, CONFIGURATION_CHANNEL],
      onChange: (channel, payload) => this.heard(channel, payload),
      onGap: () => {
        this.reports.memory.clear();
        this.tokens.clear();
      },
    });
  }

  async start(): Promise<void> {
    await this.changes.start();
    this.reports.start();
    this.timer = setInterval(() => {
      this.tokens.writeUse().catch((error: unknown) => {
        this.deps.logger.warn('the use of listener tokens could not be written', { error });
      });
    }, WRITE_TOKENS_EVERY_MS);
  }

  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    await this.reports.stop();
    await this.changes.stop();
    await this.pool.end();
  }

  /** Something about a product's configuration or tokens was committed here. */
  forget(product_id: number): void {
    this.reports.memory.forget(product_id);
    this.tokens.forgetProduct(product_id);
  }

  /** null: the token is not valid, or what is remembered could be out of date. */
  async productOf(token: string): Promise<number | null> {
    return this.changes.isListening ? this.tokens.productOf(token) : null;
  }

  private heard(channel: string, payload: string): void {
    if (channel === CONFIGURATION_CHANNEL) {
      this.forget(Number(payload));
      return;
    }
    const { node_id, kind, product_ids } = decodeStatusChange(payload);
    if (node_id === this.node_id || kind === 'heartbeat') return;
    for (const product_id of product_ids) this.reports.memory.forget(product_id);
  }
}
