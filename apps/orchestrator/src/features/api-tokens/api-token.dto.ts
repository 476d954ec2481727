import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  Max,
  Min,
} from 'class-validator';
import { MAX_ID } from '../../http/route-params';
import { BearerTokenView, CreateBearerTokenDto } from '../../http/bearer-token.dto';
import { MayBeAbsent } from '../../http/optional';
import { PageQuery } from '../../http/pagination';
import { SCOPES, type Scope } from '../../http/principal';

export class ApiTokenListQuery extends PageQuery {
  /** Tokens of another user, for administrators; one's own when absent. */
  @Type(() => Number)
  @IsInt()
  @Max(MAX_ID)
  @Min(1)
  @IsOptional()
  user_id?: number;
}

export class CreateApiTokenDto extends CreateBearerTokenDto {
  /** When it ends (RFC 3339), instead of `expires_in_days`; null = never. */
  @IsISO8601({ strict: true })
  @IsOptional()
  expires_at?: string | null;

  /** `read` opens every GET, `write` all other calls, `tokens` those that make credentials. Absent: read and write. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(SCOPES.length)
  @ArrayUnique()
  @IsIn(SCOPES, { each: true })
  @MayBeAbsent()
  scopes?: Scope[];

  /** Opens only these products, and only while its user may see them. Absent or null: all that its user may see. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(1_000)
  @ArrayUnique()
  @IsInt({ each: true })
  @Max(MAX_ID, { each: true })
  @Min(1, { each: true })
  @IsOptional()
  product_ids?: number[] | null;
}

export class ApiTokenView extends BearerTokenView {
  @IsInt()
  user_id!: number;

  /** The token's beginning. */
  @IsString()
  hint!: string;

  @IsArray()
  @IsIn(SCOPES, { each: true })
  scopes!: Scope[];

  /** null = all that its user may see. */
  @IsArray()
  @IsInt({ each: true })
  @IsOptional()
  product_ids!: number[] | null;

  /** The token that made it and takes it along when it is revoked; null = made by a person who was signed in. */
  @IsInt()
  @IsOptional()
  parent_id!: number | null;
}

export class CreatedApiTokenView extends ApiTokenView {
  /** Shown this once. */
  @IsString()
  token!: string;
}
