import { OWN_QUEUE_NAME } from '@cortex-mqtt/contracts';
import { Type } from 'class-transformer';
import { ActionBase } from '../action-base';
import { BatchSettings } from '../batch/batch-settings';
import {
  Equals,
  IsInt,
  IsOptional,
  IsString,
  JSONSchema,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateNested,
} from '../validators';

/** A BullMQ job for a downstream worker. */
export class QueueAction extends ActionBase {
  @Equals('queue')
  type!: 'queue';

  /** Name of the queue; queues of the system itself are refused. */
  @IsString()
  @Matches(/^[A-Za-z0-9_.-]{1,100}$/, { message: 'must be 1–100 characters of A-Z a-z 0-9 _ . -' })
  @Matches(new RegExp(`^(?!${OWN_QUEUE_NAME.source.slice(1)})`), { message: 'is a queue of the system itself' })
  @JSONSchema({ title: 'Queue', description: 'Name of the BullMQ queue.' })
  queue!: string;

  /** Name of the job; may hold templates. */
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  @JSONSchema({ title: 'Job name', description: 'May hold {{…}}.', 'x-editor': 'template' })
  job_name!: string;

  /** Milliseconds before the job may run. */
  @IsInt()
  @Min(0)
  @Max(2_592_000_000)
  @IsOptional()
  @JSONSchema({ title: 'Delay', description: 'Milliseconds before the job may run.' })
  delay_ms?: number;

  /** 1 (first) – 2097152. */
  @IsInt()
  @Min(1)
  @Max(2_097_152)
  @IsOptional()
  @JSONSchema({ title: 'Priority', description: '1 is first.' })
  priority?: number;

  /** Attempts of the downstream worker. */
  @IsInt()
  @Min(1)
  @Max(100)
  @IsOptional()
  @JSONSchema({ title: 'Attempts', description: 'Attempts that the worker of the queue has.' })
  attempts?: number;

  /** Several jobs in one write; absent = one each. */
  @ValidateNested()
  @Type(() => BatchSettings)
  @IsOptional()
  @JSONSchema({ title: 'Batch', description: 'Adds several jobs in one write. Empty = a write for each.' })
  batch?: BatchSettings | null;
}
