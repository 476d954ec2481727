import { ArrayMaxSize, Equals, IsArray, IsOptional, IsString, MaxLength, MinLength } from 'class-validator';
import { ActionBase } from '../action-base';

/** One parameterised SQL statement on a database of the product's own. */
export class PostgresAction extends ActionBase {
  @Equals('postgres')
  type!: 'postgres';

  /** Name of the product secret that holds the connection URL. */
  @IsString()
  @MinLength(1)
  @MaxLength(64)
  connection_secret!: string;

  /** The statement, with `$1`, `$2`, …; values are never put into its text. */
  @IsString()
  @MinLength(1)
  @MaxLength(20_000)
  statement!: string;

  /** JSONata expressions over the envelope (or over `input` when there is one), one a parameter. */
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @IsOptional()
  parameters?: string[];
}
