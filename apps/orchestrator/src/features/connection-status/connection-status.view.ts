import { ProductHealthView } from '../../model/product-health';
import { CONNECTION_STATES, type ConnectionState, INSTANCE_STATES, type InstanceState } from '@cortex-mqtt/contracts';
import { CONTAINER_STATES, type ContainerState } from '../../model/listener-container.entity';
import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  ValidateNested,
} from 'class-validator';

export class RefusedFilterView {
  @IsString()
  topic_filter!: string;

  /** What the broker said. */
  @IsString()
  reason!: string;
}

export class LoweredFilterView {
  @IsString()
  topic_filter!: string;

  @IsInt()
  requested_qos!: number;

  @IsInt()
  granted_qos!: number;
}

/** Subscribed n of m, with those that are not as wanted by name (200 at most). */
export class SubscribedView {
  @IsInt()
  wanted!: number;

  @IsInt()
  granted!: number;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => RefusedFilterView)
  refused!: RefusedFilterView[];

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => LoweredFilterView)
  lowered_qos!: LoweredFilterView[];
}

/** On the way back to the broker. */
export class RecoveryView {
  @IsString()
  instance_id!: string;

  /** Tries that failed. */
  @IsInt()
  attempt!: number;

  /** null while a try is under way. */
  @IsString()
  @IsOptional()
  next_try_at!: string | null;

  @IsString()
  since!: string;

  @IsString()
  @IsOptional()
  reason!: string | null;

  @IsIn(['never'])
  gives_up!: 'never';
}

/** The delivery probe: a canary has to come back by the instance's own subscription. */
export class ProbeView {
  @IsString()
  instance_id!: string;

  @IsString()
  topic!: string;

  @IsIn(['waiting', 'ok', 'lost'])
  state!: 'waiting' | 'ok' | 'lost';

  @IsString()
  since!: string;

  @IsString()
  @IsOptional()
  reason!: string | null;

  @IsString()
  @IsOptional()
  last_sent_at!: string | null;

  @IsString()
  @IsOptional()
  last_received_at!: string | null;

  /** Milliseconds since the last canary came back; null = none has. */
  @IsInt()
  @IsOptional()
  age_ms!: number | null;

  @IsNumber()
  @IsOptional()
  round_trip_ms!: number | null;
}

/** What is wanted: the first of the three truths. */
export class DesiredView {
  @IsBoolean()
  enabled!: boolean;

  @IsInt()
  revision!: number;

  /** When this revision came into being. */
  @IsString()
  since!: string;

  /** Why nothing is to be connected, or why the revision is not in effect; null when there is no such reason. */
  @IsString()
  @IsOptional()
  reason!: string | null;
}

/** What is: the sum over live instances, each of which is told in `instances`. */
export class LiveView {
  @IsIn(CONNECTION_STATES)
  state!: ConnectionState;

  @IsString()
  @IsOptional()
  since!: string | null;

  @IsString()
  @IsOptional()
  reason!: string | null;

  /** Instances that are connected (also with something missing). */
  @IsInt()
  connected_instances!: number;

  /** Instances that wait for their turn. */
  @IsInt()
  standby_instances!: number;

  /** Instances whose heartbeat is fresh. */
  @IsInt()
  live_instances!: number;
}

/**
 * Of the live instances since each has started: `messages_received = matched + unmatched`, and `deliveries = succeeded +
 * failed + in_flight + queued + dead`, where a delivery counts once, however often it is taken from the queue.
 */
export class FlowCountersView {
  @IsInt()
  messages_received!: number;

  @IsInt()
  matched!: number;

  @IsInt()
  unmatched!: number;

  @IsInt()
  deliveries!: number;

  @IsInt()
  succeeded!: number;

  /** Given up without a dead letter, because no queue is configured. */
  @IsInt()
  failed!: number;

  @IsInt()
  in_flight!: number;

  /** Deliveries that these instances have left to the queue and nobody has taken. */
  @IsInt()
  queued!: number;

  @IsInt()
  dead!: number;
}

export class FlowView {
  @IsString()
  @IsOptional()
  last_message_at!: string | null;

  /** Messages a second over the last minute. */
  @IsNumber()
  rate_1m!: number;

  /** … and over the last 15 minutes. */
  @IsNumber()
  rate_15m!: number;

  /** Age of the oldest message that is not acknowledged, milliseconds; null = none waits. */
  @IsNumber()
  @IsOptional()
  acknowledgement_age_ms!: number | null;

  /** Deliveries in the product's queue; null = not known. */
  @IsInt()
  @IsOptional()
  queue_depth!: number | null;

  /** Age of the oldest of them, milliseconds. */
  @IsNumber()
  @IsOptional()
  oldest_queued_ms!: number | null;

  @ValidateNested()
  @Type(() => FlowCountersView)
  counters!: FlowCountersView;
}

export class WarningView {
  @IsString()
  code!: string;

  @IsString()
  message!: string;

  /** null: of the configuration, not of an instance. */
  @IsString()
  @IsOptional()
  instance_id!: string | null;
}

/** One broker of the list, as an instance is connected to it or tries to be. */
export class BrokerStatusView {
  @IsString()
  name!: string;

  @IsString()
  host!: string;

  @IsInt()
  port!: number;

  @IsIn(INSTANCE_STATES)
  state!: InstanceState;

  @IsString()
  since!: string;

  @IsString()
  @IsOptional()
  reason!: string | null;

  @IsString()
  @IsOptional()
  reason_code!: string | null;

  @IsString()
  @IsOptional()
  advice!: string | null;

  /** Topic filters that the broker has granted, of those that are wanted there. */
  @IsInt()
  granted!: number;

  @IsInt()
  wanted!: number;

  /** When it is retried; null when it is connected, or a try is under way. */
  @IsString()
  @IsOptional()
  next_try_at!: string | null;
}

/** A listener's container or pod, as the runtime that keeps it last saw it. */
export class ContainerStatusView {
  @IsString()
  name!: string;

  /** Of the instance that runs in it. */
  @IsString()
  instance_id!: string;

  @IsIn(['docker', 'kubernetes'])
  runtime!: 'docker' | 'kubernetes';

  @IsString()
  image!: string;

  @IsIn(CONTAINER_STATES)
  state!: ContainerState;

  @IsString()
  since!: string;

  /** Why it does not run, or why it was started again last. */
  @IsString()
  @IsOptional()
  reason!: string | null;

  /** Of its last end, such as 137 after SIGKILL. */
  @IsInt()
  @IsOptional()
  exit_code!: number | null;

  @IsInt()
  restarts!: number;
}

export class ContainerLogView extends ContainerStatusView {
  @IsArray()
  @IsString({ each: true })
  last_lines!: string[];
}

/** One listener process as it last reported. */
export class InstanceView {
  @IsString()
  id!: string;

  /** As reported, or `stale` when its heartbeat stopped. */
  @IsString()
  state!: string;

  @IsInt()
  @IsOptional()
  applied_revision!: number | null;

  @IsString()
  @IsOptional()
  config_source!: string | null;

  @IsString()
  last_heartbeat_at!: string;

  /** Since when `state` holds. */
  @IsString()
  since!: string;

  /** Why it is not well, in words, with its code and what to do; null when it is. */
  @IsString()
  @IsOptional()
  reason!: string | null;

  @IsString()
  @IsOptional()
  reason_code!: string | null;

  @IsString()
  @IsOptional()
  advice!: string | null;

  /** Name of the broker in use; with `subscribe_on: all` the first that is connected. */
  @IsString()
  @IsOptional()
  broker!: string | null;

  /** The broker in use; with `subscribe_on: all` each of the list. Those about to be left are in it too. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => BrokerStatusView)
  brokers!: BrokerStatusView[];

  @ValidateNested()
  @Type(() => SubscribedView)
  subscribed!: SubscribedView;

  @ValidateNested()
  @Type(() => RecoveryView)
  @IsOptional()
  recovery!: RecoveryView | null;

  @ValidateNested()
  @Type(() => ProbeView)
  @IsOptional()
  probe!: ProbeView | null;

  /** The whole last report, without counters. */
  @IsObject()
  report!: Record<string, unknown>;
}

export class ConnectionStatusView extends ProductHealthView {
  @IsInt()
  product_id!: number;

  @IsBoolean()
  connected!: boolean;

  @IsIn(CONNECTION_STATES)
  state!: ConnectionState;

  @IsInt()
  desired_revision!: number;

  @IsInt()
  @IsOptional()
  applied_revision!: number | null;

  @IsString()
  @IsOptional()
  last_connected_at!: string | null;

  @IsString()
  @IsOptional()
  last_disconnected_at!: string | null;

  @IsString()
  @IsOptional()
  connection_error!: string | null;

  @IsInt()
  messages_received!: number;

  /** Messages a second over the last minute. */
  @IsNumber()
  rate_1m!: number;

  /** Messages a second over the last 15 minutes. */
  @IsNumber()
  rate_15m!: number;

  @IsString()
  @IsOptional()
  last_message_at!: string | null;

  @IsInt()
  subscribed_topics_count!: number;

  @IsString()
  @IsOptional()
  client_id!: string | null;

  @IsObject()
  broker_info!: Record<string, unknown>;

  @IsString()
  updated_at!: string;

  @ValidateNested()
  @Type(() => DesiredView)
  desired!: DesiredView;

  @ValidateNested()
  @Type(() => LiveView)
  live!: LiveView;

  /** The third truth: null when nothing has to recover. */
  @ValidateNested()
  @Type(() => RecoveryView)
  @IsOptional()
  recovery!: RecoveryView | null;

  @ValidateNested()
  @Type(() => FlowView)
  flow!: FlowView;

  /** Of the active instance that is worst off; null = there is no probe. */
  @ValidateNested()
  @Type(() => ProbeView)
  @IsOptional()
  probe!: ProbeView | null;

  /** What works and won't for long, or is unsafe. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => WarningView)
  warnings!: WarningView[];

  /** What a docker or kubernetes runtime keeps for the product; empty with another one. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => ContainerStatusView)
  containers!: ContainerStatusView[];

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => InstanceView)
  instances!: InstanceView[];
}
