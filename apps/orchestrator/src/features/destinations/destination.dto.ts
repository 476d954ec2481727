import { Type } from 'class-transformer';
import { IsArray, IsIn, IsInt, IsNumber, IsOptional, IsString, Matches, ValidateNested } from 'class-validator';
import { ProductParams } from '../../http/route-params';

export const DESTINATION_STATES = ['healthy', 'slow', 'failing', 'breaker_open'] as const;
export type DestinationState = (typeof DESTINATION_STATES)[number];

export class DestinationParams extends ProductParams {
  @Matches(/^[0-9a-f]{16}$/, { message: 'must be the id of a destination' })
  destination_id!: string;
}

export class DestinationLatencyView {
  @IsNumber()
  p50!: number;

  @IsNumber()
  p95!: number;

  @IsNumber()
  p99!: number;
}

export class DestinationFailureView {
  @IsString()
  reason!: string;

  @IsInt()
  count!: number;
}

export class DestinationSubscriptionView {
  @IsInt()
  id!: number;

  @IsString()
  name!: string;
}

/** A place that actions go to, as the live listeners have seen it in the last minute. */
export class DestinationView {
  @IsString()
  id!: string;

  /** Origin, database, queue or broker. */
  @IsString()
  name!: string;

  @IsString()
  action_type!: string;

  @IsIn(DESTINATION_STATES)
  state!: DestinationState;

  @IsIn(['closed', 'open', 'half_open'])
  breaker!: 'closed' | 'open' | 'half_open';

  /** When an open breaker lets the next attempt through. */
  @IsString()
  @IsOptional()
  next_try_at!: string | null;

  /** Attempts a second. */
  @IsNumber()
  rate!: number;

  @IsInt()
  attempts!: number;

  @IsInt()
  failed!: number;

  /** Of several listeners the slowest. */
  @ValidateNested()
  @Type(() => DestinationLatencyView)
  @IsOptional()
  latency_ms!: DestinationLatencyView | null;

  @IsString()
  @IsOptional()
  last_succeeded_at!: string | null;

  @IsString()
  @IsOptional()
  last_failed_at!: string | null;

  @IsString()
  @IsOptional()
  last_error!: string | null;

  /** Most frequent first. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => DestinationFailureView)
  failures!: DestinationFailureView[];

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => DestinationSubscriptionView)
  subscriptions!: DestinationSubscriptionView[];
}

export class BreakerChangeView {
  /** Listeners that know the destination and have changed its breaker. */
  @IsInt()
  listeners!: number;
}
