import { Type } from 'class-transformer';
import { IsArray, IsBoolean, IsInt, IsNumber, IsOptional, IsString, ValidateNested } from 'class-validator';

export class RuleEpisodeView {
  @IsInt()
  product_id!: number;

  @IsString()
  product_name!: string;

  @IsString()
  began_at!: string;

  /** null: it still fires. */
  @IsString()
  @IsOptional()
  ended_at!: string | null;

  @IsNumber()
  duration_s!: number;

  /** The value furthest out. */
  @IsNumber()
  @IsOptional()
  peak!: number | null;
}

export class PreviewPointView {
  @IsString()
  at!: string;

  /** The worst of the products; null = nothing is known. */
  @IsNumber()
  @IsOptional()
  value!: number | null;
}

export class RulePreviewView {
  @IsString()
  from!: string;

  @IsString()
  to!: string;

  /** Seconds between two values. */
  @IsInt()
  step_s!: number;

  /** Whether what this kind looks at is on record at all. */
  @IsBoolean()
  has_history!: boolean;

  /** Times that it would have fired. */
  @IsInt()
  fired!: number;

  /** Seconds that it would have fired, all products added up. */
  @IsNumber()
  firing_s!: number;

  @IsString()
  sentence!: string;

  @IsNumber()
  threshold!: number;

  /** At most 200, the newest. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => RuleEpisodeView)
  episodes!: RuleEpisodeView[];

  /** At most some 700. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => PreviewPointView)
  points!: PreviewPointView[];
}
