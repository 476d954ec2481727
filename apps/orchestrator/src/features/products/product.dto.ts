import { ProductHealthView } from '../../model/product-health';
import {
  ArrayMaxSize,
  ArrayMinSize,
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
} from 'class-validator';
import { MayBeAbsent } from '../../http/optional';
import { MAX_REPLICAS } from '../../model/max-replicas';
import { PageQuery } from '../../http/pagination';

export const SLUG = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
export const SLUG_MESSAGE = 'must be 1–63 of a-z 0-9 -, not beginning or ending with -';

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

  /** Listeners that the docker and kubernetes runtimes keep: they share the load of a shared group, and take turns elsewhere. */
  @IsInt()
  @Min(1)
  @Max(MAX_REPLICAS)
  @MayBeAbsent()
  replicas?: number;

  /**
   * Queues that its actions may add jobs to; `x*` are those that begin with x, null every one that is not the system’s. Takes an
   * administrator.
   */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @Matches(/^[A-Za-z0-9_.-]{0,100}\*?$/, {
    each: true,
    message: 'must be names of queues, perhaps with a * at the end',
  })
  @MinLength(1, { each: true })
  @IsOptional()
  allowed_queues?: string[] | null;

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

  /** Listeners that the docker and kubernetes runtimes keep: they share the load of a shared group, and take turns elsewhere. */
  @IsInt()
  @Min(1)
  @Max(MAX_REPLICAS)
  @MayBeAbsent()
  replicas?: number;

  /**
   * Queues that its actions may add jobs to; `x*` are those that begin with x, null every one that is not the system’s. Takes an
   * administrator.
   */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @Matches(/^[A-Za-z0-9_.-]{0,100}\*?$/, {
    each: true,
    message: 'must be names of queues, perhaps with a * at the end',
  })
  @MinLength(1, { each: true })
  @IsOptional()
  allowed_queues?: string[] | null;

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

  /** Listeners that the docker and kubernetes runtimes keep. */
  @IsInt()
  replicas!: number;

  @IsArray()
  @IsString({ each: true })
  @IsOptional()
  allowed_queues!: string[] | null;

  @IsObject()
  variables!: Record<string, string>;

  /** Name of what keeps the product as its files say; null = nothing does. */
  @IsString()
  @IsOptional()
  managed_by!: string | null;

  /** What becomes of changes from elsewhere while it is managed: `drift` lets them in and shows them, `lock` refuses them. */
  @IsIn(['drift', 'lock'])
  managed_console!: 'drift' | 'lock';

  @IsString()
  created_at!: string;

  @IsString()
  updated_at!: string;
}
