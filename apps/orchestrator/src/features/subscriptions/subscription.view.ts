import { PAYLOAD_FORMATS, type PayloadFormat } from '@cortex-mqtt/contracts';
import { Type } from 'class-transformer';
import { IsArray, IsBoolean, IsIn, IsInt, IsOptional, IsString, ValidateNested } from 'class-validator';

/** Works as it is written, and most likely not as it is meant. `code` is stable. */
export class SubscriptionWarningView {
  @IsString()
  code!: string;

  @IsString()
  message!: string;
}

export class SubscriptionView {
  @IsInt()
  id!: number;

  @IsString()
  name!: string;

  @IsString()
  topic!: string;

  @IsBoolean()
  absolute_topic!: boolean;

  /** What is sent in SUBSCRIBE. */
  @IsString()
  topic_filter!: string;

  @ValidateNested({ each: true })
  @Type(() => SubscriptionWarningView)
  warnings!: SubscriptionWarningView[];

  @IsBoolean()
  enabled!: boolean;

  @IsString()
  description!: string;

  @IsArray()
  actions!: unknown[];

  /** null = the config's. */
  @IsInt()
  @IsOptional()
  qos!: number | null;

  @IsIn(PAYLOAD_FORMATS)
  payload_format!: PayloadFormat;

  @IsString()
  @IsOptional()
  filter!: string | null;

  @IsString()
  @IsOptional()
  message_key!: string | null;

  @IsInt()
  @IsOptional()
  concurrency!: number | null;

  @IsString()
  ordering!: string;

  @IsInt()
  messages_received!: number;

  @IsString()
  @IsOptional()
  last_message_at!: string | null;

  /** Attempts, whatever came of them. */
  @IsInt()
  actions_attempted!: number;

  /** Attempts that succeeded. */
  @IsInt()
  actions_executed!: number;

  /** Attempts that failed. */
  @IsInt()
  actions_failed!: number;

  @IsString()
  created_at!: string;

  @IsString()
  updated_at!: string;
}

/** A subscription of any product, as a search finds it. */
export class FoundSubscriptionView {
  @IsInt()
  id!: number;

  @IsInt()
  product_id!: number;

  @IsString()
  product_name!: string;

  @IsString()
  name!: string;

  /** As it was typed, without the product's prefix. */
  @IsString()
  topic!: string;

  @IsBoolean()
  enabled!: boolean;
}
