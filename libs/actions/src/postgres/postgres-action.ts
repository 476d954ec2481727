import { Type } from 'class-transformer';
import { ActionBase } from '../action-base';
import { BatchSettings } from '../batch/batch-settings';
import {
  ArrayMaxSize,
  Equals,
  IsArray,
  IsOptional,
  IsString,
  JSONSchema,
  MaxLength,
  MinLength,
  ValidateNested,
} from '../validators';

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

  /** Several messages in one statement; absent = one each. */
  @ValidateNested()
  @Type(() => BatchSettings)
  @IsOptional()
  @JSONSchema({
    title: 'Batch',
    description:
      'Runs one statement for several messages: INSERT … VALUES (…) gets a row for each, or each parameter is an array, as in unnest($1::text[]). Empty = a statement for each.',
  })
  batch?: BatchSettings | null;

  /** PEM of the authority that signed the server; absent = the system's. */
  @IsString()
  @MaxLength(65_536)
  @IsOptional()
  @JSONSchema({
    title: 'CA certificate',
    description: 'PEM of the authority that signed the server. Empty = the system’s.',
    'x-multiline': true,
  })
  ca_cert?: string | null;

  /** Names of product secrets holding PEM, for mutual TLS. */
  @IsString()
  @MaxLength(64)
  @IsOptional()
  @JSONSchema({
    title: 'Client certificate',
    description: 'Product secret with the PEM of the client certificate.',
    'x-editor': 'secret',
  })
  client_cert_secret?: string | null;

  @IsString()
  @MaxLength(64)
  @IsOptional()
  @JSONSchema({ title: 'Client key', description: 'Product secret with the PEM of its key.', 'x-editor': 'secret' })
  client_key_secret?: string | null;

  @IsString()
  @MaxLength(64)
  @IsOptional()
  @JSONSchema({
    title: 'Pass phrase of the key',
    description: 'Product secret with the pass phrase that opens the client key.',
    'x-editor': 'secret',
  })
  client_key_passphrase_secret?: string | null;
}
