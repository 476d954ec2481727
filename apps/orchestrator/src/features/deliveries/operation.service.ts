import { randomUUID } from 'node:crypto';
import { type OperationJob, queueNames, WorkChain } from '@cortex-mqtt/contracts';
import type { Logger } from '@cortex-mqtt/observability';
import { type BulkProgress, describeError, isUnavailable, type QueueBackend } from '@cortex-mqtt/queues';
import type { DataSource } from 'typeorm';
import { NotFoundError } from '../../http/app-error';
import { type Actor, recordAudit } from '../audit/audit-trail';
import type { DeadLetterFilterDto, OperationView } from './delivery.dto';
import { presentOperation } from './delivery.presenter';
import { type DeliveryService, toFilter } from './delivery.service';
import { OperationEntity, type OperationKind } from './operation.entity';

const KEPT_FOR_S = 7 * 24 * 3600;
/** Runs of one operation; the pauses between them come to two minutes. */
export const OPERATION_ATTEMPTS = 8;
const FIRST_PAUSE_MS = 1_000;
/** One of which nothing was heard for this long has lost its job, as with a queue that came back empty. */
const LOST_AFTER_S = 15 * 60;
/** Progress is written at most this often. */
const PROGRESS_EVERY_MS = 250;

/**
 * Bulk operations on dead letters. The row says what to do and how far it is; a job makes an orchestrator do it, so that
 * it outlives the request, and the orchestrator.
 */
export class OperationService {
  constructor(
    private readonly deps: {
      dataSource: DataSource;
      queues: QueueBackend;
      deliveries: DeliveryService;
      logger: Pick<Logger, 'warn'>;
    },
  ) {}

  /** Only what is dead by now: a dead letter that fails again is not taken a second time. */
  async request(
    product_id: number,
    kind: OperationKind,
    filter: DeadLetterFilterDto,
    actor: Actor,
  ): Promise<OperationView> {
    const { dataSource, queues, deliveries } = this.deps;
    await deliveries.storeOf(product_id);
    const now = new Date();
    const to = filter.to === undefined || new Date(filter.to) > now ? now.toISOString() : filter.to;
    const operation = await dataSource.transaction(async (manager) => {
      const row = await manager.save(
        manager.create(OperationEntity, {
          id: randomUUID(),
          product_id,
          kind,
          state: 'queued',
          filter: { ...filter, to },
          total: null,
          requested_by: actor.name,
        }),
      );
      await recordAudit(manager, {
        actor,
        action: kind === 'retry_deliveries' ? 'delivery.retry_all' : 'delivery.purge_all',
        entity_type: 'operation',
        entity_id: row.id,
        product_id,
        after: { filter: row.filter },
      });
      return row;
    });
    try {
      await queues.queue<OperationJob>(queueNames.operations()).add(
        'operation',
        { operation_id: operation.id },
        {
          job_id: operation.id,
          attempts: OPERATION_ATTEMPTS,
          backoff_ms: FIRST_PAUSE_MS,
        },
      );
    } catch (error) {
      await this.end(operation.id, { state: 'failed', error: 'The queue was not available.' });
      throw error;
    }
    return presentOperation(operation);
  }

  async read(product_id: number, id: string): Promise<OperationView> {
    const operation = await this.deps.dataSource.manager.findOneBy(OperationEntity, { id, product_id });
    if (!operation) throw new NotFoundError(`Product ${product_id} has no operation ${id}.`);
    return presentOperation(operation);
  }

  /** Does one; called again after a crash it continues with what is left. After `is_last` nobody calls it again. */
  async run(id: string, signal: AbortSignal | undefined, { is_last = false } = {}): Promise<void> {
    const { dataSource, deliveries } = this.deps;
    const operation = await dataSource.manager.findOneBy(OperationEntity, { id });
    // Deleted with its product, or ended by a run whose end the queue did not hear of.
    if (!operation || operation.state === 'finished' || operation.state === 'failed') return;
    const before = { done: operation.done, failed: operation.failed };
    const record = this.progressWriter(id, before);
    try {
      await dataSource.manager.update(OperationEntity, { id }, { state: 'running' });
      const store = await deliveries.storeOf(operation.product_id);
      const filter = toFilter(operation.filter);
      const options = { onProgress: record.onProgress, signal };
      const result =
        operation.kind === 'retry_deliveries'
          ? await store.retryMatching(filter, options)
          : await store.purge(filter, options);
      await record.settled();
      if (signal?.aborted) throw new Error('interrupted; another orchestrator continues');
      await this.end(id, { state: 'finished', ...countsOf(before, result) });
    } catch (error) {
      await record.settled();
      const isOver = is_last || !isUnavailable(error);
      if (isOver && !signal?.aborted) await this.end(id, { state: 'failed', error: describeError(error) });
      throw error;
    }
  }

  /** Ends those whose jobs are gone. */
  async endLost(): Promise<void> {
    await this.deps.dataSource.query(
      `UPDATE operations SET state = 'failed', finished_at = now(), updated_at = now(),
         error = 'Nothing was heard of it for too long: its job is gone, or the queue was away. Ask for it again.'
       WHERE state IN ('queued', 'running') AND updated_at < now() - make_interval(secs => $1)`,
      [LOST_AFTER_S],
    );
  }

  async deleteExpired(): Promise<void> {
    await this.endLost();
    await this.deps.dataSource.query('DELETE FROM operations WHERE updated_at < now() - make_interval(secs => $1)', [
      KEPT_FOR_S,
    ]);
  }

  private async end(
    id: string,
    fields: Partial<Pick<OperationEntity, 'total' | 'done' | 'failed' | 'error' | 'failures'>> & {
      state: 'finished' | 'failed';
    },
  ): Promise<void> {
    await this.deps.dataSource.manager.update(OperationEntity, { id }, { ...fields, finished_at: new Date() });
  }

  /** Writes one after the other, and leaves out what comes too fast but the last. */
  private progressWriter(id: string, before: { done: number; failed: number }) {
    const { dataSource, logger } = this.deps;
    let written_at_ms = 0;
    let latest: BulkProgress | null = null;
    // The next progress, or the end, writes the same figures: nothing is lost by one that was not written.
    const writing = new WorkChain((error) =>
      logger.warn('progress of an operation could not be written', { id, error }),
    );
    const write = (): void => {
      const progress = latest;
      latest = null;
      if (progress === null) return;
      written_at_ms = Date.now();
      writing.add(() => dataSource.manager.update(OperationEntity, { id }, countsOf(before, progress)));
    };
    return {
      onProgress: (progress: BulkProgress): void => {
        latest = progress;
        if (Date.now() - written_at_ms >= PROGRESS_EVERY_MS) write();
      },
      settled: async (): Promise<void> => {
        write();
        await writing.settled();
      },
    };
  }
}

function countsOf(before: { done: number; failed: number }, progress: BulkProgress) {
  return {
    total: before.done + before.failed + progress.matched,
    done: before.done + progress.done,
    failed: before.failed + progress.skipped,
    failures: progress.failures,
  };
}
