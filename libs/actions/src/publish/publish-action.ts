import {
  Equals,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
  MinLength,
} from 'class-validator';
import type { QoS } from '@cortex-mqtt/contracts';
import { ActionBase } from '../action-base';

/** An MQTT PUBLISH to the product's broker, on a connection of its own. */
export class PublishAction extends ActionBase {
  @Equals('publish')
  type!: 'publish';

  /** May hold `{{…}}` templates; the result has no wildcard. */
  @IsString()
  @MinLength(1)
  @MaxLength(65_535)
  topic!: string;

  /** Template of the payload; absent = `input`, else the message's own payload, byte for byte. */
  @IsString()
  @MaxLength(64_000)
  @IsOptional()
  payload?: string | null;

  /** 1 by default. */
  @IsIn([0, 1, 2])
  @IsOptional()
  qos?: QoS;

  @IsBoolean()
  @IsOptional()
  retain?: boolean;

  /** MQTT 5 user properties, values may hold templates. */
  @IsObject()
  @IsOptional()
  user_properties?: Record<string, string>;

  @IsString()
  @MaxLength(1_000)
  @IsOptional()
  content_type?: string | null;

  /** Seconds (MQTT 5, 3.3.2.3.3). */
  @IsInt()
  @Min(0)
  @Max(4_294_967_295)
  @IsOptional()
  message_expiry_s?: number | null;
}
