import { ArrayMaxSize, Equals, IsArray, IsOptional, IsString, JSONSchema, MaxLength, MinLength } from '../validators';
import { ActionBase } from '../action-base';

/** One parameterised SQL statement on a database of the product's own. */
export class PostgresAction extends ActionBase {
  @Equals('postgres')
  type!: 'postgres';

  /** Name of the product secret that holds the connection URL. */
  @IsString()
  @MinLength(1)
  @MaxLength(64)
  @JSONSchema({
    title: 'Connection',
    description: 'Product secret with a postgres://user:password@host/database URL.',
    'x-editor': 'secret',
  })
  connection_secret!: string;

  /** The statement, with `$1`, `$2`, …; values are never put into its text. */
  @IsString()
  @MinLength(1)
  @MaxLength(20_000)
  @JSONSchema({
    title: 'Statement',
    description: 'SQL with $1, $2, … Values are never put into its text.',
    'x-editor': 'sql',
    'x-multiline': true,
  })
  statement!: string;

  /** JSONata expressions over the envelope (or over `input` when there is one), one a parameter. */
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @IsOptional()
  @JSONSchema({
    title: 'Parameters',
    description: 'JSONata, one for each of $1, $2, … over the message, or over the input when there is one.',
    'x-editor': 'jsonata',
  })
  parameters?: string[];
}
