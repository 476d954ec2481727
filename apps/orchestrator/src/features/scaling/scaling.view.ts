import { IsInt, IsNumber, IsOptional } from 'class-validator';

/** For autoscalers, such as KEDA's metrics-api. */
export class ScalingView {
  /** Deliveries that are due or under way; retries that wait for their time are not in it. */
  @IsInt()
  backlog!: number;

  /** Age of the oldest message that is not acknowledged, milliseconds; null = none waits. */
  @IsNumber()
  @IsOptional()
  acknowledgement_age_ms!: number | null;

  /** More than `replicas` of the product only for a shared group; 0 only for one that is off and has no session at a broker. */
  @IsInt()
  wanted_replicas!: number;
}
