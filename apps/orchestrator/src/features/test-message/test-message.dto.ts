import { IsIn, IsString, MaxLength, MinLength } from 'class-validator';
import { MayBeAbsent } from '../../http/optional';

export class TestMessageDto {
  /** Topic name, without wildcards. Nothing is put before it. */
  @IsString()
  @MinLength(1)
  @MaxLength(1_000)
  topic!: string;

  /** Sent as UTF-8. */
  @IsString()
  @MaxLength(65_536)
  payload!: string;

  /** 1 by default. */
  @IsIn([0, 1, 2])
  @MayBeAbsent()
  qos?: 0 | 1 | 2;
}

export class TestMessageView {
  @IsString()
  topic!: string;

  @IsIn([0, 1, 2])
  qos!: number;

  /** The listener that published it. */
  @IsString()
  published_by!: string;
}
