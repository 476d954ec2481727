import { LEFT_SESSION_REASONS, type LeftSessionReason } from '@cortex-mqtt/contracts';
import { Type } from 'class-transformer';
import { IsArray, IsIn, IsInt, IsOptional, IsString, ValidateNested } from 'class-validator';

/** A session that a broker keeps and no configuration uses any more. */
export class LeftSessionView {
  @IsInt()
  id!: number;

  @IsInt()
  product_id!: number;

  /** As it was called when it left the session; the product may be deleted. */
  @IsString()
  product_name!: string;

  @IsIn(LEFT_SESSION_REASONS)
  reason!: LeftSessionReason;

  @IsString()
  host!: string;

  @IsInt()
  port!: number;

  @IsString()
  client_id!: string;

  /** `left`: it is still there, and retried. `ended`: the broker keeps it no longer. */
  @IsIn(['left', 'ended'])
  state!: 'left' | 'ended';

  @IsString()
  left_at!: string;

  @IsInt()
  attempts!: number;

  /** Why the last attempt to end it failed. */
  @IsString()
  @IsOptional()
  last_error!: string | null;

  @IsString()
  @IsOptional()
  next_attempt_at!: string | null;

  /** Messages that it held and were delivered; null until it is ended. */
  @IsInt()
  @IsOptional()
  messages!: number | null;

  @IsString()
  @IsOptional()
  ended_at!: string | null;

  /** When the broker ends it by itself, and it leaves this list. */
  @IsString()
  expires_at!: string;
}

export class LeftSessionsView {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => LeftSessionView)
  items!: LeftSessionView[];
}
