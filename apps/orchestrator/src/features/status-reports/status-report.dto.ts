import {
  type BrokerReport,
  CONFIG_SOURCES,
  type ConfigSource,
  type ConnectionEvent,
  type DestinationReport,
  INSTANCE_STATES,
  type InstanceCounters,
  type InstanceState,
  MAX_REPORTED_DESTINATIONS,
  type SilenceReport,
  type StatusDelta,
  type StatusReport,
  type SubscriptionCounters,
  type TopicFilterState,
} from '@cortex-mqtt/contracts';
import { Type } from 'class-transformer';
import {
  IsDefined,
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsDateString,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const ID_MESSAGE = 'must be 1–64 of A-Z a-z 0-9 _ -';
/** Counters are safe integers. */
const COUNT_MAX = Number.MAX_SAFE_INTEGER;
const Count = (): PropertyDecorator => (target, key) => {
  for (const decorate of [IsInt(), Min(0), Max(COUNT_MAX)]) decorate(target, key);
};

/** One that is left out is what it was in the report before. */
export class InstanceCountersDto implements InstanceCounters {
  @Count() @IsOptional() messages_received!: number;
  @Count() @IsOptional() messages_matched!: number;
  @Count() @IsOptional() messages_unmatched!: number;
  @Count() @IsOptional() deliveries_started!: number;
  @Count() @IsOptional() deliveries_succeeded!: number;
  @Count() @IsOptional() deliveries_failed!: number;
  @Count() @IsOptional() deliveries_queued!: number;
  @Count() @IsOptional() deliveries_dead!: number;
  @Count() @IsOptional() deliveries_taken!: number;
  @Count() @IsOptional() actions_attempted!: number;
  @Count() @IsOptional() actions_executed!: number;
  @Count() @IsOptional() actions_failed!: number;
}

export class SubscriptionCountersDto implements SubscriptionCounters {
  @Count() subscription_id!: number;
  @Count() messages_received!: number;
  @Count() @IsOptional() actions_attempted?: number;
  @Count() actions_executed!: number;
  @Count() actions_failed!: number;

  @IsDateString()
  @IsOptional()
  last_message_at!: string | null;
}

export const EVENT_TYPES: ConnectionEvent['type'][] = [
  'connected',
  'disconnected',
  'connect_failed',
  'failover',
  'failback',
  'subscription_refused',
  'qos_downgraded',
  'session_lost',
  'probe_lost',
  'probe_recovered',
  'taken_over',
  'flapping',
  'session_adopted',
  'session_ended',
  'session_not_ended',
  'other',
  'config_applied',
  'config_rejected',
];

export class ConnectionEventDto implements ConnectionEvent {
  @IsDateString()
  at!: string;

  @IsIn(EVENT_TYPES)
  type!: ConnectionEvent['type'];

  @IsString()
  @MaxLength(500)
  @IsOptional()
  broker!: string | null;

  @IsObject()
  detail!: Record<string, unknown>;
}

export class StatusDeltaDto implements StatusDelta {
  @Count() sequence!: number;

  @IsArray()
  @ArrayMaxSize(20_000)
  @ValidateNested({ each: true })
  @Type(() => SubscriptionCountersDto)
  subscriptions!: SubscriptionCountersDto[];

  @IsArray()
  @ArrayMaxSize(1_000)
  @ValidateNested({ each: true })
  @Type(() => ConnectionEventDto)
  events!: ConnectionEventDto[];
}

/** Body of `POST /internal/mqtt-status`; see StatusReport. */
export class StatusReportDto implements StatusReport {
  @Matches(ID, { message: ID_MESSAGE })
  instance_id!: string;

  @Matches(ID, { message: ID_MESSAGE })
  boot_id!: string;

  @Count() sequence!: number;

  @IsDateString()
  reported_at!: string;

  @IsString()
  @MaxLength(100)
  version!: string;

  @IsString()
  @MaxLength(255)
  hostname!: string;

  @IsInt()
  pid!: number;

  @IsDateString()
  started_at!: string;

  @IsIn(INSTANCE_STATES)
  state!: InstanceState;

  @IsDateString()
  state_since!: string;

  @IsString()
  @MaxLength(4_000)
  @IsOptional()
  reason!: string | null;

  @IsString()
  @MaxLength(100)
  @IsOptional()
  reason_code!: string | null;

  @IsString()
  @MaxLength(4_000)
  @IsOptional()
  advice!: string | null;

  @IsIn(CONFIG_SOURCES)
  @IsOptional()
  config_source!: ConfigSource | null;

  @IsInt()
  @IsOptional()
  applied_revision!: number | null;

  /** Absent from an older listener. */
  @IsString()
  @MaxLength(16)
  @IsOptional()
  applied_revision_key?: string | null;

  @IsInt()
  @IsOptional()
  applied_reconnect_generation!: number | null;

  @IsObject()
  @IsOptional()
  rejected_revision!: { revision: number; reason: string } | null;

  @IsObject()
  @IsOptional()
  broker!: { name: string; host: string; port: number } | null;

  @IsArray()
  @ArrayMaxSize(20)
  @IsObject({ each: true })
  @IsOptional()
  brokers?: BrokerReport[];

  @IsObject()
  broker_info!: Record<string, unknown>;

  @IsString()
  @MaxLength(65_535)
  @IsOptional()
  client_id!: string | null;

  @IsDateString()
  @IsOptional()
  connected_at!: string | null;

  @IsDateString()
  @IsOptional()
  disconnected_at!: string | null;

  @IsObject()
  @IsOptional()
  recovery!: StatusReport['recovery'];

  @IsObject()
  subscribed!: { wanted: number; granted: number };

  @IsArray()
  @ArrayMaxSize(200)
  @IsObject({ each: true })
  topic_filters!: TopicFilterState[];

  @IsArray()
  @ArrayMaxSize(100)
  @IsObject({ each: true })
  warnings!: { code: string; message: string }[];

  @IsNumber()
  @IsOptional()
  oldest_unacknowledged_ms!: number | null;

  @Count() in_flight!: number;

  @IsInt()
  @IsOptional()
  queue_depth!: number | null;

  @IsNumber()
  @IsOptional()
  oldest_queued_ms!: number | null;

  @IsObject()
  @IsOptional()
  probe!: StatusReport['probe'];

  @IsDateString()
  @IsOptional()
  last_message_at!: string | null;

  @IsObject()
  @IsOptional()
  latency_ms!: StatusReport['latency_ms'];

  @IsDefined({ message: 'is required' })
  @ValidateNested()
  @Type(() => InstanceCountersDto)
  counters!: InstanceCountersDto;

  @IsBoolean()
  @IsOptional()
  is_leaving?: boolean;

  @IsArray()
  @ArrayMaxSize(MAX_REPORTED_DESTINATIONS)
  @IsObject({ each: true })
  @IsOptional()
  destinations?: DestinationReport[];

  @IsArray()
  @ArrayMaxSize(10_000)
  @IsObject({ each: true })
  @IsOptional()
  silent?: SilenceReport[];

  @IsDefined({ message: 'is required' })
  @ValidateNested()
  @Type(() => StatusDeltaDto)
  delta!: StatusDeltaDto;
}
