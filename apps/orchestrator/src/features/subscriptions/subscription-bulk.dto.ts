import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayUnique, IsArray, IsInt, IsPositive, Max, ValidateNested } from 'class-validator';
import { MAX_ID } from '../../http/route-params';
import { MayBeAbsent } from '../../http/optional';
import { CreateSubscriptionDto, UpdateSubscriptionDto } from './subscription.dto';
import { SubscriptionView } from './subscription.view';

/** Changes that one request may hold, of all kinds together. */
export const MAX_BULK_CHANGES = 1_000;

export class BulkUpdateDto extends UpdateSubscriptionDto {
  @IsInt()
  @Max(MAX_ID)
  @IsPositive()
  id!: number;
}

/** Body of `POST …/subscriptions/bulk`: up to 1,000 changes in all; either all are made or none. */
export class BulkSubscriptionsDto {
  /** Ids. Deletions are made first, so that their names are free. */
  @IsArray()
  @ArrayMaxSize(MAX_BULK_CHANGES)
  @ArrayUnique()
  @IsInt({ each: true })
  @Max(MAX_ID, { each: true })
  @IsPositive({ each: true })
  @MayBeAbsent()
  delete?: number[];

  /** The fields to change, with the subscription's id. */
  @IsArray()
  @ArrayMaxSize(MAX_BULK_CHANGES)
  @ArrayUnique((change: BulkUpdateDto) => change?.id)
  @ValidateNested({ each: true })
  @Type(() => BulkUpdateDto)
  @MayBeAbsent()
  update?: BulkUpdateDto[];

  @IsArray()
  @ArrayMaxSize(MAX_BULK_CHANGES)
  @ValidateNested({ each: true })
  @Type(() => CreateSubscriptionDto)
  @MayBeAbsent()
  create?: CreateSubscriptionDto[];
}

/** Each list in the order of the request. */
export class BulkSubscriptionsView {
  @IsInt({ each: true })
  deleted!: number[];

  @ValidateNested({ each: true })
  @Type(() => SubscriptionView)
  updated!: SubscriptionView[];

  @ValidateNested({ each: true })
  @Type(() => SubscriptionView)
  created!: SubscriptionView[];
}
