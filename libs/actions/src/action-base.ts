import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsInt,
  IsOptional,
  IsString,
  JSONSchema,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from './validators';

/** How often and how long a failing action is retried. */
export class RetryPolicy {
  /** Attempts in all, the first included; 1 = never again. */
  @IsInt()
  @Min(1)
  @Max(50)
  @IsOptional()
  @JSONSchema({
    title: 'Attempts',
    description: 'Attempts in all, the first included; 1 = never again. 27 by default.',
  })
  max_attempts?: number;

  /** Upper bound of the first pause, milliseconds; it doubles each time, with full jitter. */
  @IsInt()
  @Min(10)
  @Max(3_600_000)
  @IsOptional()
  @JSONSchema({
    title: 'First pause',
    description: 'Longest first pause in milliseconds; it doubles each time. 5000 by default.',
  })
  base_delay_ms?: number;

  /** Upper bound of any pause, milliseconds. */
  @IsInt()
  @Min(10)
  @Max(86_400_000)
  @IsOptional()
  @JSONSchema({ title: 'Longest pause', description: 'Longest pause in milliseconds. Three hours by default.' })
  max_delay_ms?: number;
}

/** What every action has. */
export abstract class ActionBase {
  /** Stable within its subscription; made by the server when absent. */
  @IsString()
  @Matches(/^[A-Za-z0-9_-]{1,64}$/, { message: 'must be 1–64 characters of A-Z a-z 0-9 _ -' })
  id!: string;

  @IsString()
  @MaxLength(100)
  @IsOptional()
  @JSONSchema({ title: 'Name', description: 'What people call it.' })
  name?: string;

  @IsBoolean()
  @JSONSchema({ title: 'Enabled', description: 'Whether it runs.' })
  enabled!: boolean;

  /** JSONata predicate over the envelope; the action runs when it is true. Absent or null = always. */
  @IsString()
  @MaxLength(10_000)
  @IsOptional()
  @JSONSchema({
    title: 'Only when',
    description: 'JSONata over the message; the action runs when it gives true. Empty = always.',
    'x-editor': 'jsonata',
  })
  when?: string | null;

  /** JSONata mapping from the envelope to what the action sends. Absent or null = the envelope itself. */
  @IsString()
  @MaxLength(10_000)
  @IsOptional()
  @JSONSchema({
    title: 'Input',
    description: 'JSONata that makes what is sent out of the message. Empty = the message envelope.',
    'x-editor': 'jsonata',
    'x-multiline': true,
  })
  input?: string | null;

  @ValidateNested()
  @Type(() => RetryPolicy)
  @IsOptional()
  @JSONSchema({ title: 'Retry', description: 'How often and how long a failing attempt is made again.' })
  retry?: RetryPolicy | null;

  /** Milliseconds one attempt may take, 10 s by default. */
  @IsInt()
  @Min(10)
  @Max(300_000)
  @IsOptional()
  @JSONSchema({ title: 'Time limit', description: 'Milliseconds one attempt may take. 10000 by default.' })
  timeout_ms?: number;
}
