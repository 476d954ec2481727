import { Type } from 'class-transformer';
import {
  IsArray,
  IsBase64,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { MayBeAbsent } from '../../http/optional';
import { PageQuery } from '../../http/pagination';
import { ProductParams } from '../../http/route-params';
import { OPERATION_KINDS, OPERATION_STATES, type OperationKind, type OperationState } from './operation.entity';

export const DELIVERY_STATES = ['retrying', 'in_flight', 'dead'] as const;
export type DeliveryStateName = (typeof DELIVERY_STATES)[number];

export class DeliveryParams extends ProductParams {
  /** Id of the delivery in the queue. */
  @IsString()
  @Matches(/^[^\s:/]{1,200}$/, { message: 'must be the id of a delivery' })
  delivery_id!: string;
}

export class DeliveryQuery extends PageQuery {
  /** Dead letters by default. */
  @IsIn(DELIVERY_STATES)
  @IsOptional()
  state?: DeliveryStateName;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  @IsOptional()
  subscription_id?: number;

  /** Part of the error, upper and lower case alike. */
  @IsString()
  @MaxLength(500)
  @IsOptional()
  error?: string;

  /** Died (others: were queued) not before this time (RFC 3339). */
  @IsISO8601({ strict: true })
  @IsOptional()
  from?: string;

  /** … and not after this one. */
  @IsISO8601({ strict: true })
  @IsOptional()
  to?: string;
}

/** Which dead letters a bulk operation takes; `{}` takes all that are dead now. */
export class DeadLetterFilterDto {
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  @MayBeAbsent()
  subscription_id?: number;

  @IsString()
  @MaxLength(500)
  @MayBeAbsent()
  error?: string;

  @IsISO8601({ strict: true })
  @MayBeAbsent()
  from?: string;

  @IsISO8601({ strict: true })
  @MayBeAbsent()
  to?: string;
}

/** Absent: the message as it came. At most one of the two. */
export class RetryDeliveryDto {
  /** The payload to deliver instead, as text. */
  @IsString()
  @MayBeAbsent()
  payload?: string;

  @IsBase64()
  @MayBeAbsent()
  payload_base64?: string;
}

export class DeliveryDeferralView {
  /** null = not known. */
  @IsString()
  @IsOptional()
  destination!: string | null;

  @IsString()
  reason!: string;
}

export class DeliveryView {
  @IsString()
  id!: string;

  /** Idempotency id of (message, subscription), the same through all attempts. */
  @IsString()
  delivery_id!: string;

  @IsInt()
  product_id!: number;

  @IsInt()
  subscription_id!: number;

  /** null when the subscription is deleted. */
  @IsString()
  @IsOptional()
  subscription_name!: string | null;

  @IsIn(DELIVERY_STATES)
  state!: DeliveryStateName;

  @IsString()
  topic!: string;

  @IsString()
  message_id!: string;

  @IsString()
  received_at!: string;

  @IsString()
  queued_at!: string;

  @IsString()
  @IsOptional()
  died_at!: string | null;

  @IsString()
  @IsOptional()
  next_try_at!: string | null;

  /** Why it died, else the latest error. */
  @IsString()
  @IsOptional()
  error!: string | null;

  @IsInt()
  attempts_made!: number;

  @IsInt()
  payload_bytes!: number;

  /** Set: not attempted, since the circuit breaker of its destination is open; it is tried when that is back. */
  @ValidateNested()
  @Type(() => DeliveryDeferralView)
  @IsOptional()
  deferral!: DeliveryDeferralView | null;
}

export class DeliveryPageView {
  @ValidateNested({ each: true })
  @Type(() => DeliveryView)
  items!: DeliveryView[];

  @IsInt()
  total!: number;

  /** False: the queue is so long that not all of it was looked through; `total` is a lower bound. */
  @IsBoolean()
  complete!: boolean;

  @IsInt()
  page!: number;

  @IsInt()
  page_size!: number;
}

export class DeliveryAttemptView {
  @IsString()
  at!: string;

  @IsString()
  action_id!: string;

  @IsIn(['succeeded', 'failed', 'permanent', 'deferred'])
  outcome!: string;

  /** Of a webhook: the HTTP status code. */
  @IsInt()
  @IsOptional()
  status!: number | null;

  @IsString()
  @IsOptional()
  error!: string | null;

  @IsString()
  @IsOptional()
  response_excerpt!: string | null;

  @IsNumber()
  duration_ms!: number;
}

export class FailedActionView {
  @IsString()
  action_id!: string;

  @IsString()
  error!: string;
}

export class DeliveryDetailView extends DeliveryView {
  @IsString()
  payload_base64!: string;

  /** null when the payload is not UTF-8. */
  @IsString()
  @IsOptional()
  payload_text!: string | null;

  @IsIn([0, 1, 2])
  qos!: number;

  @IsBoolean()
  retain!: boolean;

  @IsObject()
  user_properties!: Record<string, string | string[]>;

  @IsString()
  @IsOptional()
  content_type!: string | null;

  @IsArray()
  @IsString({ each: true })
  succeeded_actions!: string[];

  @ValidateNested({ each: true })
  @Type(() => FailedActionView)
  failed_actions!: FailedActionView[];

  /** Oldest first, the latest 20. */
  @ValidateNested({ each: true })
  @Type(() => DeliveryAttemptView)
  attempts!: DeliveryAttemptView[];
}

export class DeliveryCountsView {
  /** Retrying, or in flight under a lease. */
  @IsInt()
  waiting!: number;

  /** Being worked from the queue at this moment. */
  @IsInt()
  active!: number;

  @IsInt()
  dead!: number;
}

/** Why something was not done. */
export class OperationFailureView {
  @IsString()
  reason!: string;

  @IsInt()
  count!: number;

  /** Some of them. */
  @IsString({ each: true })
  delivery_ids!: string[];
}

export class OperationView {
  @IsString()
  id!: string;

  @IsInt()
  product_id!: number;

  @IsIn(OPERATION_KINDS)
  kind!: OperationKind;

  @IsIn(OPERATION_STATES)
  state!: OperationState;

  @IsObject()
  filter!: object;

  /** null until they are counted. */
  @IsInt()
  @IsOptional()
  total!: number | null;

  @IsInt()
  done!: number;

  /** Those with which it was not done. */
  @IsInt()
  failed!: number;

  /** Why it failed as a whole; null when it has not. */
  @IsString()
  @IsOptional()
  error!: string | null;

  /** Why it was not done with some, by reason. */
  @ValidateNested({ each: true })
  @Type(() => OperationFailureView)
  failures!: OperationFailureView[];

  @IsString()
  requested_by!: string;

  @IsString()
  created_at!: string;

  @IsString()
  @IsOptional()
  finished_at!: string | null;
}
