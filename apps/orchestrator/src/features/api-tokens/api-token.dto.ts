import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Min } from 'class-validator';
import { BearerTokenView } from '../../http/bearer-token.dto';
import { PageQuery } from '../../http/pagination';

export class ApiTokenListQuery extends PageQuery {
  /** Tokens of another user, for administrators; one's own when absent. */
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @IsOptional()
  user_id?: number;
}

export class ApiTokenView extends BearerTokenView {
  @IsInt()
  user_id!: number;

  /** The token's beginning. */
  @IsString()
  hint!: string;
}

export class CreatedApiTokenView extends ApiTokenView {
  /** Shown this once. */
  @IsString()
  token!: string;
}
