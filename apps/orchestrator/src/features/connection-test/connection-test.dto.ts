import { STAGE_STATES, TEST_STAGES, type StageResult, type StageState, type TestStage } from '@cortex-mqtt/contracts';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { MayBeAbsent } from '../../http/optional';
import { BrokerDto } from '../brokers/broker-settings.dto';

/** Body of a connection test: absent fields, secrets too, are those stored for the broker that is tested. */
export class ConnectionTestDto extends BrokerDto {
  /** Publishes a message on the probe topic and waits to receive it. */
  @IsBoolean()
  @MayBeAbsent()
  roundtrip?: boolean;

  /** Milliseconds the whole test may take, 15 s by default. */
  @IsInt()
  @Min(500)
  @Max(60_000)
  @MayBeAbsent()
  timeout_ms?: number;
}

export class StageResultDto implements StageResult {
  @IsIn(TEST_STAGES)
  stage!: TestStage;

  @IsIn(STAGE_STATES)
  state!: StageState;

  @IsNumber()
  duration_ms!: number;

  @IsObject()
  detail!: Record<string, unknown>;
}

export class StagesDto {
  /** In the order they ended; one that was corrected stands again. */
  @IsArray()
  @ArrayMaxSize(2 * TEST_STAGES.length)
  @ValidateNested({ each: true })
  @Type(() => StageResultDto)
  stages!: StageResultDto[];
}

export class DiagnosisView {
  @IsIn(TEST_STAGES)
  stage!: TestStage;

  @IsString()
  code!: string;

  @IsString()
  cause!: string;

  @IsString()
  advice!: string;
}

export class ConnectionTestView {
  @IsIn(['success', 'failed'])
  status!: 'success' | 'failed';

  @IsBoolean()
  connected!: boolean;

  @IsNumber()
  @IsOptional()
  latency_ms!: number | null;

  @IsObject()
  broker_info!: Record<string, unknown>;

  /** `listener:<instance>` or `orchestrator`. */
  @IsString()
  tested_from!: string;

  @ValidateNested({ each: true })
  @Type(() => StageResultDto)
  stages!: StageResultDto[];

  @ValidateNested()
  @Type(() => DiagnosisView)
  @IsOptional()
  diagnosis!: DiagnosisView | null;

  @IsArray()
  warnings!: { code: string; message: string }[];
}
