import { IsBoolean, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

export class LeftSessionClaimDto {
  @IsString()
  @MaxLength(64)
  instance_id!: string;
}

export class LeftSessionOutcomeDto extends LeftSessionClaimDto {
  @IsBoolean()
  is_ended!: boolean;

  @IsInt()
  @Min(0)
  @Max(2_147_483_647)
  messages!: number;

  @IsString()
  @MaxLength(2_000)
  @IsOptional()
  reason!: string | null;
}
