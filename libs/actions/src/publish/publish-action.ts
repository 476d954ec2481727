import {
  Equals,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  JSONSchema,
  Max,
  MaxLength,
  Min,
  MinLength,
} from '../validators';
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
  @JSONSchema({ title: 'Topic', description: 'May hold {{…}}; the result has no wildcard.', 'x-editor': 'template' })
  topic!: string;

  /** Template of the payload; absent = `input`, else the message's own payload, byte for byte. */
  @IsString()
  @MaxLength(64_000)
  @IsOptional()
  @JSONSchema({
    title: 'Payload',
    description: 'Empty = the input, or the message’s own payload byte for byte.',
    'x-editor': 'template',
    'x-multiline': true,
  })
  payload?: string | null;

  /** 1 by default. */
  @IsIn([0, 1, 2])
  @IsOptional()
  @JSONSchema({ title: 'QoS', description: '1 by default.' })
  qos?: QoS;

  @IsBoolean()
  @IsOptional()
  @JSONSchema({ title: 'Retain', description: 'Whether the broker keeps it for later subscribers.' })
  retain?: boolean;

  /** MQTT 5 user properties, values may hold templates. */
  @IsObject()
  @IsOptional()
  @JSONSchema({
    title: 'User properties',
    description: 'MQTT 5 only. Values may hold {{…}}.',
    additionalProperties: { type: 'string' },
    'x-editor': 'template',
  })
  user_properties?: Record<string, string>;

  @IsString()
  @MaxLength(1_000)
  @IsOptional()
  @JSONSchema({ title: 'Content type', description: 'MQTT 5 only.', 'x-editor': 'template' })
  content_type?: string | null;

  /** Seconds (MQTT 5, 3.3.2.3.3). */
  @IsInt()
  @Min(0)
  @Max(4_294_967_295)
  @IsOptional()
  @JSONSchema({ title: 'Expiry', description: 'Seconds after which the broker drops it. MQTT 5 only.' })
  message_expiry_s?: number | null;
}
