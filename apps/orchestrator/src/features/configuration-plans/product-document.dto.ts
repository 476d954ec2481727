import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  NotEquals,
  ValidateNested,
} from 'class-validator';
import { MayBeAbsent } from '../../http/optional';
import {
  BROKER_SECRET_NAMES,
  type BrokerSecretName,
  type BrokerSettingsRequest,
  decorateSettings,
  HOST_MESSAGE,
  HOST_PATTERN,
} from '../../model/broker-field-table';
import { MAX_REPLICAS } from '../../model/max-replicas';
import { MAX_FURTHER_BROKERS, NAME_MESSAGE, NAME_PATTERN, RESERVED_NAME } from '../brokers/broker.dto';
import { PRIMARY_BROKER } from '../brokers/broker-secrets';
import { PutMqttConfigDto } from '../mqtt-config/mqtt-config.dto';
import { SLUG, SLUG_MESSAGE } from '../products/product.dto';
import { SECRET_NAME, SECRET_NAME_MESSAGE } from '../secrets/product-secret.dto';
import { CreateSubscriptionDto } from '../subscriptions/subscription.dto';

/** The format that this version writes and reads. */
export const DOCUMENT_VERSION = 1;

/**
 * A secret by its name. `value` comes only with a plan request, put there by whoever has read `{env: …}` or `{file: …}`; nothing
 * ever answers it.
 */
export class SecretReferenceDto {
  @IsString()
  @Matches(SECRET_NAME, { message: SECRET_NAME_MESSAGE })
  @MayBeAbsent()
  secret?: string;

  /** Write-only. */
  @IsString()
  @MinLength(1)
  @MaxLength(90_000)
  @MayBeAbsent()
  value?: string;
}

/** Everything about a broker; what is absent has its default. */
export class DocumentBrokerDto {
  /** null = not configured yet. */
  @IsString()
  @MinLength(1)
  @MaxLength(255)
  @Matches(HOST_PATTERN, { message: HOST_MESSAGE })
  @IsOptional()
  host?: string | null;
}
export interface DocumentBrokerDto
  extends BrokerSettingsRequest,
    Partial<Record<BrokerSecretName, SecretReferenceDto | null>> {}
decorateSettings(DocumentBrokerDto.prototype);
for (const name of BROKER_SECRET_NAMES) {
  for (const decorator of [IsOptional(), Type(() => SecretReferenceDto), ValidateNested()]) {
    decorator(DocumentBrokerDto.prototype, name);
  }
}

export class DocumentFurtherBrokerDto extends DocumentBrokerDto {
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  @Matches(NAME_PATTERN, { message: NAME_MESSAGE })
  @NotEquals(PRIMARY_BROKER, RESERVED_NAME)
  name!: string;
}

export class ManagedByDto {
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  name!: string;

  /** `drift` lets changes from elsewhere in and shows them, `lock` refuses them. */
  @IsIn(['drift', 'lock'])
  @MayBeAbsent()
  console?: 'drift' | 'lock';
}

/** Something that had another name: it is renamed, and keeps its history. */
export class MovedDto {
  @IsIn(['product', 'subscription', 'broker'])
  kind!: 'product' | 'subscription' | 'broker';

  @IsString()
  @MinLength(1)
  @MaxLength(200)
  from!: string;

  @IsString()
  @MinLength(1)
  @MaxLength(200)
  to!: string;
}

/**
 * A product in a configuration file. A section that is absent is left alone; in one that is there, what is absent has its default.
 */
export class ProductDocumentDto extends (PutMqttConfigDto as new () => Omit<PutMqttConfigDto, 'broker'>) {
  @IsIn([DOCUMENT_VERSION])
  version!: number;

  @IsString()
  @Matches(SLUG, { message: SLUG_MESSAGE })
  slug!: string;

  @IsString()
  @MinLength(1)
  @MaxLength(200)
  name!: string;

  @IsString()
  @MaxLength(2_000)
  @MayBeAbsent()
  description?: string;

  @IsBoolean()
  @MayBeAbsent()
  enabled?: boolean;

  @IsInt()
  @Min(1)
  @Max(MAX_REPLICAS)
  @MayBeAbsent()
  replicas?: number;

  /** Values of `{name}` in topics. */
  @IsObject()
  @MayBeAbsent()
  variables?: Record<string, string>;

  @ValidateNested()
  @Type(() => ManagedByDto)
  @IsOptional()
  managed_by?: ManagedByDto | null;

  @ValidateNested()
  @Type(() => DocumentBrokerDto)
  @MayBeAbsent()
  broker?: DocumentBrokerDto;

  /** Brokers to fail over to, in order of preference. */
  @IsArray()
  @ArrayMaxSize(MAX_FURTHER_BROKERS)
  @ValidateNested({ each: true })
  @Type(() => DocumentFurtherBrokerDto)
  @MayBeAbsent()
  brokers?: DocumentFurtherBrokerDto[];

  /** Secrets that actions name: `{NAME: {secret: NAME}}`. */
  @IsObject()
  @MayBeAbsent()
  secrets?: Record<string, SecretReferenceDto>;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => CreateSubscriptionDto)
  @MayBeAbsent()
  subscriptions?: CreateSubscriptionDto[];

  @IsArray()
  @ArrayMaxSize(1_000)
  @ValidateNested({ each: true })
  @Type(() => MovedDto)
  @MayBeAbsent()
  moved?: MovedDto[];
}
