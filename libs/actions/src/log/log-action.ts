import { Equals, IsIn, IsOptional, IsString, JSONSchema, MaxLength } from '../validators';
import { ActionBase } from '../action-base';

export const LOG_LEVELS = ['debug', 'info', 'warn'] as const;

/** One line in the listener's log. */
export class LogAction extends ActionBase {
  @Equals('log')
  type!: 'log';

  @IsIn(LOG_LEVELS)
  @IsOptional()
  @JSONSchema({ title: 'Level', description: 'info by default.' })
  level?: (typeof LOG_LEVELS)[number];

  /** Template of the line; absent = topic and payload. */
  @IsString()
  @MaxLength(4_000)
  @IsOptional()
  @JSONSchema({ title: 'Message', description: 'Empty = topic and payload.', 'x-editor': 'template' })
  message?: string | null;
}
