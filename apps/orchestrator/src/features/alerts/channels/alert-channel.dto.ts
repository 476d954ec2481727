import { SEVERITIES, type Severity } from '@cortex-mqtt/alerting';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
  MinLength,
} from 'class-validator';
import { MAX_ID } from '../../../http/route-params';
import { MayBeAbsent } from '../../../http/optional';
import { CHANNEL_TYPES, type ChannelTypeName } from '../model/channel-type-names';

/** `a@example.com, b@example.com` is a list too. */
const AsList = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) =>
    typeof value === 'string'
      ? value
          .split(',')
          .map((entry) => entry.trim())
          .filter((entry) => entry !== '')
      : value,
  );

/** Fields of every type; each type takes some of them. A secret that is absent keeps what is stored, null clears it. */
export class ChannelFieldsDto {
  /** Where messages are posted to; of Slack, Teams and Discord it is the credential and is never answered. */
  @IsString()
  @MaxLength(2_000)
  @IsOptional()
  url?: string | null;

  /** E-mail addresses. */
  @AsList()
  @IsArray()
  @ArrayMaxSize(50)
  @IsString({ each: true })
  @MayBeAbsent()
  to?: string[];

  @IsString()
  @MaxLength(320)
  @MayBeAbsent()
  from?: string;

  @IsString()
  @MaxLength(253)
  @MayBeAbsent()
  smtp_host?: string;

  /** 465 with tls, 587 with starttls, 25 without encryption. */
  @IsInt()
  @Min(1)
  @Max(65_535)
  @MayBeAbsent()
  smtp_port?: number;

  @IsIn(['tls', 'starttls', 'none'])
  @MayBeAbsent()
  smtp_security?: 'tls' | 'starttls' | 'none';

  @IsString()
  @MaxLength(500)
  @MayBeAbsent()
  username?: string;

  @IsString()
  @MaxLength(100)
  @MayBeAbsent()
  chat_id?: string;

  @IsString()
  @MaxLength(1_000)
  @MayBeAbsent()
  topic?: string;

  @IsIn([0, 1, 2])
  @MayBeAbsent()
  qos?: 0 | 1 | 2;

  @IsBoolean()
  @MayBeAbsent()
  retain?: boolean;

  @IsString()
  @MaxLength(4_000)
  @IsOptional()
  password?: string | null;

  @IsString()
  @MaxLength(4_000)
  @IsOptional()
  token?: string | null;

  /** Integration key of PagerDuty. */
  @IsString()
  @MaxLength(200)
  @IsOptional()
  routing_key?: string | null;

  /** Of Standard Webhooks: whsec_ and base64. */
  @IsString()
  @MaxLength(200)
  @IsOptional()
  signing_secret?: string | null;
}

class RoutedChannelDto extends ChannelFieldsDto {
  @IsBoolean()
  @MayBeAbsent()
  enabled?: boolean;

  /** Only incidents of these; empty = of all. */
  @IsArray()
  @IsIn(SEVERITIES, { each: true })
  @MayBeAbsent()
  severities?: Severity[];

  /** Only incidents of these products; empty = of all. */
  @IsArray()
  @ArrayMaxSize(10_000)
  @IsInt({ each: true })
  @Max(MAX_ID, { each: true })
  @MayBeAbsent()
  product_ids?: number[];

  /** Only incidents of rules with these labels. */
  @IsObject()
  @MayBeAbsent()
  labels?: Record<string, string>;

  @IsBoolean()
  @MayBeAbsent()
  send_resolved?: boolean;

  /** Seconds between reminders of what still fires; null = none. */
  @IsInt()
  @Min(60)
  @Max(2_592_000)
  @IsOptional()
  reminder_every_s?: number | null;

  /** Seconds that an incident may be unacknowledged before this channel is told; 0 = told at once. */
  @IsInt()
  @Min(0)
  @Max(2_592_000)
  @MayBeAbsent()
  escalate_after_s?: number;
}

export class CreateAlertChannelDto extends RoutedChannelDto {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  name!: string;

  @IsIn(CHANNEL_TYPES)
  type!: ChannelTypeName;
}

export class UpdateAlertChannelDto extends RoutedChannelDto {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  @MayBeAbsent()
  name?: string;
}

/** Fields of its type that are no secret are beside these, in `settings`. */
export class AlertChannelView {
  @IsInt()
  id!: number;

  @IsString()
  name!: string;

  @IsIn(CHANNEL_TYPES)
  type!: ChannelTypeName;

  @IsBoolean()
  enabled!: boolean;

  /** The fields of its type, without secrets. */
  @IsObject()
  settings!: Record<string, unknown>;

  /** Names of the secret fields that are set. */
  @IsArray()
  @IsString({ each: true })
  secrets_set!: string[];

  /** Where it goes, without credentials. */
  @IsString()
  destination!: string;

  @IsArray()
  @IsIn(SEVERITIES, { each: true })
  severities!: Severity[];

  @IsArray()
  @IsInt({ each: true })
  product_ids!: number[];

  @IsObject()
  labels!: Record<string, string>;

  @IsBoolean()
  send_resolved!: boolean;

  @IsInt()
  @IsOptional()
  reminder_every_s!: number | null;

  @IsInt()
  escalate_after_s!: number;

  /** When a message was taken last. */
  @IsString()
  @IsOptional()
  last_sent_at!: string | null;

  /** Why the newest message is not sent yet; null when nothing waits. */
  @IsString()
  @IsOptional()
  last_error!: string | null;

  /** Messages that wait to be sent. */
  @IsInt()
  waiting!: number;

  @IsString()
  created_at!: string;

  @IsString()
  updated_at!: string;
}

export class ChannelTestView {
  @IsBoolean()
  delivered!: boolean;

  /** What the other side answered: an HTTP status, an SMTP reply. */
  @IsString()
  @IsOptional()
  status!: string | null;

  /** Beginning of its answer. */
  @IsString()
  @IsOptional()
  answer!: string | null;

  @IsString()
  @IsOptional()
  error!: string | null;

  @IsNumber()
  duration_ms!: number;
}
