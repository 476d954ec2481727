import { ProductHealthView } from '../../model/product-health';
import { IsBoolean, IsInt, IsObject, IsOptional, IsString, Matches, MaxLength, MinLength } from 'class-validator';
import { MayBeAbsent } from '../../http/optional';
import { PageQuery } from '../../http/pagination';

const SLUG = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const SLUG_MESSAGE = 'must be 1–63 of a-z 0-9 -, not beginning or ending with -';

export class CreateProductDto {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  name!: string;

  /** Made from the name when absent. */
  @IsString()
  @Matches(SLUG, { message: SLUG_MESSAGE })
  @IsOptional()
  slug?: string;

  @IsString()
  @MaxLength(2_000)
  @MayBeAbsent()
  description?: string;

  @IsBoolean()
  @MayBeAbsent()
  enabled?: boolean;

  /** Values of `{name}` in topics. */
  @IsObject()
  @MayBeAbsent()
  variables?: Record<string, string>;
}

export class UpdateProductDto {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  @MayBeAbsent()
  name?: string;

  @IsString()
  @Matches(SLUG, { message: SLUG_MESSAGE })
  @MayBeAbsent()
  slug?: string;

  @IsString()
  @MaxLength(2_000)
  @MayBeAbsent()
  description?: string;

  @IsBoolean()
  @MayBeAbsent()
  enabled?: boolean;

  @IsObject()
  @MayBeAbsent()
  variables?: Record<string, string>;
}

export class ProductListQuery extends PageQuery {
  /** Part of name or slug. */
  @IsString()
  @MaxLength(200)
  @IsOptional()
  search?: string;
}

export class ProductView extends ProductHealthView {
  @IsInt()
  id!: number;

  @IsString()
  name!: string;

  @IsString()
  slug!: string;

  @IsString()
  description!: string;

  @IsBoolean()
  enabled!: boolean;

  @IsObject()
  variables!: Record<string, string>;

  @IsString()
  created_at!: string;

  @IsString()
  updated_at!: string;
}
