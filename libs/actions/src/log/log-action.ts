import { Equals, IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { ActionBase } from '../action-base';

export const LOG_LEVELS = ['debug', 'info', 'warn'] as const;

/** One line in the listener's log. */
export class LogAction extends ActionBase {
  @Equals('log')
  type!: 'log';

  @IsIn(LOG_LEVELS)
  @IsOptional()
  level?: (typeof LOG_LEVELS)[number];

  /** Template of the line; absent = topic and payload. */
  @IsString()
  @MaxLength(4_000)
  @IsOptional()
  message?: string | null;
}
