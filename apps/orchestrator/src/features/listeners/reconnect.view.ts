import { Type } from 'class-transformer';
import { IsArray, IsIn, IsInt, IsOptional, IsString, ValidateNested } from 'class-validator';

export const RECONNECT_OUTCOMES = ['pending', 'reconnected', 'failed', 'gone'] as const;

export class ReconnectInstanceView {
  @IsString()
  instance_id!: string;

  /** `gone`: its heartbeat stopped before it told. */
  @IsIn(RECONNECT_OUTCOMES)
  outcome!: (typeof RECONNECT_OUTCOMES)[number];

  @IsString()
  @IsOptional()
  reason!: string | null;
}

export class ReconnectView {
  @IsString()
  id!: string;

  @IsInt()
  product_id!: number;

  @IsInt()
  generation!: number;

  /** `done` when no instance is pending. */
  @IsIn(['pending', 'done'])
  state!: 'pending' | 'done';

  @IsString()
  created_at!: string;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => ReconnectInstanceView)
  instances!: ReconnectInstanceView[];
}
