import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  MaxLength,
  ValidateNested,
} from 'class-validator';
import { PeriodPageQuery } from '../../http/pagination';

export class ConnectionEventQuery extends PeriodPageQuery {
  /** One type, or several with commas between. */
  @Transform(({ value }) => (typeof value === 'string' ? value.split(',') : value))
  @IsArray()
  @ArrayMaxSize(30)
  @IsString({ each: true })
  @MaxLength(40, { each: true })
  @IsOptional()
  type?: string[];

  @IsString()
  @MaxLength(64)
  @IsOptional()
  instance_id?: string;

  /** Name of a broker; `primary` is the one in mqtt-config. */
  @IsString()
  @MaxLength(100)
  @IsOptional()
  broker?: string;
}

export class ConnectionEventView {
  @IsInt()
  id!: number;

  @IsString()
  at!: string;

  /** null for what is told of the product as a whole (`online`, `offline`, `heartbeat_lost`). */
  @IsString()
  @IsOptional()
  instance_id!: string | null;

  @IsString()
  type!: string;

  @IsString()
  @IsOptional()
  broker!: string | null;

  @IsObject()
  detail!: Record<string, unknown>;
}

export const UPTIME_WINDOWS = ['24h', '7d', '30d'] as const;
export type UptimeWindow = (typeof UPTIME_WINDOWS)[number];

export class UptimeWindowView {
  @IsIn(UPTIME_WINDOWS)
  window!: UptimeWindow;

  @IsString()
  from!: string;

  @IsString()
  to!: string;

  /** Seconds in which at least one listener was proven connected. */
  @IsNumber()
  connected_s!: number;

  /** Seconds in which none was; a listener that is not running or silent counts here. */
  @IsNumber()
  disconnected_s!: number;

  /** Seconds before the first thing that is known of the product; in neither of the others. */
  @IsNumber()
  unknown_s!: number;

  /** `connected_s / (connected_s + disconnected_s)`, 0–1; null when nothing is known. */
  @IsNumber()
  @IsOptional()
  uptime!: number | null;

  /** Times that the connection went. */
  @IsInt()
  interruptions!: number;
}

export class UptimeView {
  @IsInt()
  product_id!: number;

  @ValidateNested({ each: true })
  @Type(() => UptimeWindowView)
  windows!: UptimeWindowView[];
}
