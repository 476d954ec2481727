import { IsIn, IsInt, IsOptional, JSONSchema, Max, Min } from '../validators';

/** How many messages an action sends at once. */
export class BatchSettings {
  /** Messages of one batch. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  @IsOptional()
  @JSONSchema({ title: 'Messages', description: 'Most messages of one batch. 100 by default.' })
  max_messages?: number;

  /** Bytes of what is sent of them. A larger message is sent alone. */
  @IsInt()
  @Min(1_000)
  @Max(16_000_000)
  @IsOptional()
  @JSONSchema({
    title: 'Bytes',
    description: 'Most bytes of one batch; a larger message is sent alone. 1000000 by default.',
  })
  max_bytes?: number;

  /** Milliseconds that the first message of a batch waits for others. */
  @IsInt()
  @Min(0)
  @Max(30_000)
  @IsOptional()
  @JSONSchema({
    title: 'Longest wait',
    description: 'Milliseconds that the first message of a batch waits for others. 50 by default.',
  })
  max_wait_ms?: number;
}

export const BATCH_FORMATS = ['array', 'ndjson'] as const;

export class WebhookBatchSettings extends BatchSettings {
  @IsIn(BATCH_FORMATS)
  @IsOptional()
  @JSONSchema({ title: 'Format', description: 'A JSON array, or a line of JSON for each message. array by default.' })
  format?: (typeof BATCH_FORMATS)[number];
}

export const DEFAULT_BATCH: Required<BatchSettings> = { max_messages: 100, max_bytes: 1_000_000, max_wait_ms: 50 };

/** What of `batch` is not given, filled in; null: the action sends each message by itself. */
export function resolveBatch(batch: BatchSettings | null | undefined): Required<BatchSettings> | null {
  if (batch == null) return null;
  return {
    max_messages: batch.max_messages ?? DEFAULT_BATCH.max_messages,
    max_bytes: batch.max_bytes ?? DEFAULT_BATCH.max_bytes,
    max_wait_ms: batch.max_wait_ms ?? DEFAULT_BATCH.max_wait_ms,
  };
}

/** Of any definition, whatever its type. */
export function batchOf(definition: object): Required<BatchSettings> | null {
  return 'batch' in definition ? resolveBatch(definition.batch as BatchSettings | null | undefined) : null;
}
