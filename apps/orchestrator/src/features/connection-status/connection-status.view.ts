import { CONNECTION_STATES, type ConnectionState } from '@cortex-mqtt/contracts';
import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  ValidateNested,
} from 'class-validator';

/** One listener process as it last reported. */
export class InstanceView {
  @IsString()
  id!: string;

  /** As reported, or `stale` when its heartbeat stopped. */
  @IsString()
  state!: string;

  @IsInt()
  @IsOptional()
  applied_revision!: number | null;

  @IsString()
  @IsOptional()
  config_source!: string | null;

  @IsString()
  last_heartbeat_at!: string;

  /** The whole last report, without counters. */
  @IsObject()
  report!: Record<string, unknown>;
}

export class ConnectionStatusView {
  @IsInt()
  product_id!: number;

  @IsBoolean()
  connected!: boolean;

  @IsIn(CONNECTION_STATES)
  state!: ConnectionState;

  @IsInt()
  desired_revision!: number;

  @IsInt()
  @IsOptional()
  applied_revision!: number | null;

  @IsString()
  @IsOptional()
  last_connected_at!: string | null;

  @IsString()
  @IsOptional()
  last_disconnected_at!: string | null;

  @IsString()
  @IsOptional()
  connection_error!: string | null;

  @IsInt()
  messages_received!: number;

  /** Messages a second over the last minute. */
  @IsNumber()
  rate_1m!: number;

  /** Messages a second over the last 15 minutes. */
  @IsNumber()
  rate_15m!: number;

  @IsString()
  @IsOptional()
  last_message_at!: string | null;

  @IsInt()
  subscribed_topics_count!: number;

  @IsString()
  @IsOptional()
  client_id!: string | null;

  @IsObject()
  broker_info!: Record<string, unknown>;

  @IsString()
  updated_at!: string;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => InstanceView)
  instances!: InstanceView[];
}
