import { Type } from 'class-transformer';
import { IsInt, IsUUID, Max, Min } from 'class-validator';

export const MAX_ID = 2_147_483_647;

export class ProductParams {
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(MAX_ID)
  product_id!: number;
}

export class SubscriptionParams extends ProductParams {
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(MAX_ID)
  sub_id!: number;
}

export class ProductIdParams extends ProductParams {
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(MAX_ID)
  id!: number;
}

export class IdParams {
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(MAX_ID)
  id!: number;
}

export class ProductUuidParams extends ProductParams {
  @IsUUID()
  id!: string;
}

export class UuidParams {
  @IsUUID()
  id!: string;
}
