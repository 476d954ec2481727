import { randomUUID } from 'node:crypto';
import { type OperationJob, queueNames } from '@cortex-mqtt/contracts';
import { type BulkProgress, isUnavailable, type QueueBackend } from '@cortex-mqtt/queues';
import type { DataSource } from 'typeorm';
import { NotFoundError } from '../../http/app-error';
import { type Actor, recordAudit } from '../audit/audit-trail';
import type { DeadLetterFilterDto, OperationView } from './delivery.dto';
import { presentOperation } from './delivery.presenter';
import { type DeliveryService, toFilter } from './delivery.service';
import { OperationEntity, type OperationKind } from './operation.entity';

const KEPT_FOR_S = 7 * 24 * 3600;
/** Progress is written at most this often. */
const PROGRESS_EVERY_MS = 250;

/**
 * Bulk operations on dead letters. The row says what to do and how far it is; a job makes an orchestrator do it, so that
 * it outlives the request, and the orchestrator.
 */
export class OperationService {
  constructor(private readonly deps: { dataSource: DataSource; queues: QueueBackend; deliveries: DeliveryService }) {}

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
      await queues
        .queue<OperationJob>(queueNames.operations())
        .add('operation', { operation_id: operation.id }, { job_id: operation.id, attempts: 3 });
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

  /** Does one; called again after a crash it goes on with what is left. */
  async run(id: string, signal: AbortSignal | undefined): Promise<void> {
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
      if (signal?.aborted) throw new Error('interrupted; another orchestrator goes on');
      await this.end(id, { state: 'finished', ...countsOf(before, result) });
    } catch (error) {
      await record.settled();
      if (!signal?.aborted && !isUnavailable(error)) {
        await this.end(id, { state: 'failed', error: error instanceof Error ? error.message : String(error) });
      }
      throw error;
    }
  }

  async deleteExpired(): Promise<void> {
    await this.deps.dataSource.query('DELETE FROM operations WHERE updated_at < now() - make_interval(secs => $1)', [
      KEPT_FOR_S,
    ]);
  }

  private async end(
    id: string,
    fields: Partial<Pick<OperationEntity, 'total' | 'done' | 'failed' | 'error'>> & { state: 'finished' | 'failed' },
  ): Promise<void> {
    await this.deps.dataSource.manager.update(OperationEntity, { id }, { ...fields, finished_at: new Date() });
  }

  /** Writes one after the other, and leaves out what comes too fast. */
  private progressWriter(id: string, before: { done: number; failed: number }) {
    let written_at_ms = 0;
    let writing: Promise<unknown> = Promise.resolve();
    return {
      onProgress: (progress: BulkProgress): void => {
        if (Date.now() - written_at_ms < PROGRESS_EVERY_MS) return;
        written_at_ms = Date.now();
        writing = writing.then(() =>
          this.deps.dataSource.manager.update(OperationEntity, { id }, countsOf(before, progress)),
        );
        // Heard of in settled(); without this a failure in between would end the process.
        writing.catch(() => undefined);
      },
      settled: async (): Promise<void> => {
        await writing;
      },
    };
  }
}

function countsOf(before: { done: number; failed: number }, progress: BulkProgress) {
  return {
    total: before.done + before.failed + progress.matched,
    done: before.done + progress.done,
    failed: before.failed + progress.skipped,
  };
}
