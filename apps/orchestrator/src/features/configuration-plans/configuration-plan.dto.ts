import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { MayBeAbsent } from '../../http/optional';
import { ProductDocumentDto } from './product-document.dto';

export class PlanRequestDto {
  @IsArray()
  @ArrayMaxSize(10_000)
  @ValidateNested({ each: true })
  @Type(() => ProductDocumentDto)
  documents!: ProductDocumentDto[];

  /**
   * Takes away what the documents leave out: brokers, secrets and subscriptions of their products, and products that the documents'
   * own `managed_by` keeps.
   */
  @IsBoolean()
  @MayBeAbsent()
  prune?: boolean;
}

export class ApplyRequestDto {
  @IsUUID()
  plan_id!: string;

  /** Seconds to wait for listeners to apply what was written. */
  @IsInt()
  @Min(0)
  @Max(120)
  @MayBeAbsent()
  wait_s?: number;
}

export class ExportQuery {
  /** Slug of one product; all when absent. */
  @IsString()
  @MaxLength(63)
  @IsOptional()
  product?: string;
}
