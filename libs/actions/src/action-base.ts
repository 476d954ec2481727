import { Type } from 'class-transformer';
import { IsBoolean, IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min, ValidateNested } from 'class-validator';

/** How often and how long a failing action is tried again. */
export class RetryPolicy {
  /** Attempts in all, the first included; 1 = never again. */
  @IsInt()
  @Min(1)
  @Max(50)
  @IsOptional()
  max_attempts?: number;

  /** Upper bound of the first pause, milliseconds; it doubles each time, with full jitter. */
  @IsInt()
  @Min(10)
  @Max(3_600_000)
  @IsOptional()
  base_delay_ms?: number;

  /** Upper bound of any pause, milliseconds. */
  @IsInt()
  @Min(10)
  @Max(86_400_000)
  @IsOptional()
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
  name?: string;

  @IsBoolean()
  enabled!: boolean;

  /** JSONata predicate over the envelope; the action runs when it is true. Absent or null = always. */
  @IsString()
  @MaxLength(10_000)
  @IsOptional()
  when?: string | null;

  /** JSONata mapping from the envelope to what the action sends. Absent or null = the envelope itself. */
  @IsString()
  @MaxLength(10_000)
  @IsOptional()
  input?: string | null;

  @ValidateNested()
  @Type(() => RetryPolicy)
  @IsOptional()
  retry?: RetryPolicy | null;

  /** Milliseconds one attempt may take, 10 s by default. */
  @IsInt()
  @Min(10)
  @Max(300_000)
  @IsOptional()
  timeout_ms?: number;
}
