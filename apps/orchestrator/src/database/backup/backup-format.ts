import { IsArray, IsIn, IsISO8601, IsString, ValidateNested } from 'class-validator';
import { Type } from 'class-transformer';

/**
 * A backup is gzip of text: one line of JSON, this header, then for each of its tables one line with the table's name, its rows as
 * `COPY … TO STDOUT` writes them (PostgreSQL, COPY, text format), and a line `\.`.
 */
export const BACKUP_FORMAT = 'cortex-mqtt-backup';
/** Ends the rows of a table; no row can be like it, because COPY escapes backslashes. */
export const END_OF_ROWS = '\\.';

export class BackupTable {
  @IsString()
  name!: string;

  @IsString({ each: true })
  columns!: string[];
}

export class BackupHeader {
  @IsIn([BACKUP_FORMAT])
  format!: typeof BACKUP_FORMAT;

  /** Of this layout; raised when an older reader could not read it. */
  @IsIn([1])
  contract!: 1;

  @IsISO8601()
  created_at!: string;

  @IsString()
  installation_id!: string;

  /** Names of the migrations of its schema, in order. */
  @IsArray()
  @IsString({ each: true })
  migrations!: string[];

  /** Fingerprints of the encryption keys that its secrets are sealed with. The keys themselves are not in it. */
  @IsArray()
  @IsString({ each: true })
  key_ids!: string[];

  /** Parents before children. */
  @ValidateNested({ each: true })
  @Type(() => BackupTable)
  tables!: BackupTable[];

  /** What the database has and the backup leaves out. */
  @IsArray()
  @IsString({ each: true })
  left_out!: string[];
}
