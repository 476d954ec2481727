import { ProductHealthView } from '../../model/product-health';
import { CONNECTION_STATES, type ConnectionState } from '@cortex-mqtt/contracts';
import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { PageQuery } from '../../http/pagination';

export class MetricsQuery {
  /** Beginning (RFC 3339); an hour before `to` by default. */
  @IsISO8601({ strict: true })
  @IsOptional()
  from?: string;

  /** End (RFC 3339), now by default. */
  @IsISO8601({ strict: true })
  @IsOptional()
  to?: string;

  /** Width of a point, seconds; chosen by the length of the time when absent. */
  @Type(() => Number)
  @IsInt()
  @Min(10)
  @Max(86_400)
  @IsOptional()
  width_s?: number;
}

export class MetricPointView {
  /** Beginning of the point. */
  @IsString()
  at!: string;

  @IsInt()
  messages_received!: number;

  @IsInt()
  deliveries_succeeded!: number;

  @IsInt()
  deliveries_failed!: number;

  /** Attempts, whatever came of them. */
  @IsInt()
  actions_attempted!: number;

  /** Attempts that succeeded. */
  @IsInt()
  actions_executed!: number;

  /** Attempts that failed. */
  @IsInt()
  actions_failed!: number;

  /** Milliseconds, the highest of the instances; null without a delivery. */
  @IsNumber()
  @IsOptional()
  latency_p50_ms!: number | null;

  @IsNumber()
  @IsOptional()
  latency_p95_ms!: number | null;

  @IsNumber()
  @IsOptional()
  latency_p99_ms!: number | null;
}

export class MetricMarkView {
  @IsString()
  at!: string;

  @IsIn(['configuration', 'incident', 'failover'])
  kind!: 'configuration' | 'incident' | 'failover';

  /** What happened, such as `subscription update orders` or the title of an incident. */
  @IsString()
  text!: string;

  @IsInt()
  @IsOptional()
  incident_id!: number | null;
}

export class MetricsView {
  @IsInt()
  product_id!: number;

  @IsString()
  from!: string;

  @IsString()
  to!: string;

  /** Width of each point, seconds: as asked, or coarser where finer is not kept any more. */
  @IsInt()
  width_s!: number;

  /** Without a gap: a point in which nothing happened has zeros. */
  @ValidateNested({ each: true })
  @Type(() => MetricPointView)
  points!: MetricPointView[];

  /** What may explain them: changes of the configuration, incidents, failovers; the newest 100, oldest first. */
  @ValidateNested({ each: true })
  @Type(() => MetricMarkView)
  marks!: MetricMarkView[];
}

export class OverviewQuery extends PageQuery {
  /** Part of name or slug. */
  @IsString()
  @MaxLength(200)
  @IsOptional()
  search?: string;
}

export class ProductOverviewView extends ProductHealthView {
  @IsInt()
  product_id!: number;

  @IsString()
  name!: string;

  @IsString()
  slug!: string;

  @IsString()
  description!: string;

  @IsBoolean()
  enabled!: boolean;

  @IsIn(CONNECTION_STATES)
  state!: ConnectionState;

  @IsBoolean()
  connected!: boolean;

  /** Why it is not well; null when it is. */
  @IsString()
  @IsOptional()
  connection_error!: string | null;

  @IsInt()
  desired_revision!: number;

  @IsInt()
  @IsOptional()
  applied_revision!: number | null;

  @IsInt()
  messages_received!: number;

  @IsString()
  @IsOptional()
  last_message_at!: string | null;

  /** Messages a second over the last minute. */
  @IsNumber()
  rate_1m!: number;

  /** As of some seconds ago; null while the queue does not answer. */
  @IsInt()
  @IsOptional()
  dead_letters!: number | null;

  /** Messages received in each 10 s of the last 10 minutes, oldest first. */
  @IsArray()
  @IsInt({ each: true })
  sparkline!: number[];
}
