import { Type } from 'class-transformer';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, ValidateNested } from 'class-validator';
import { BrokerView } from '../brokers/broker.view';
import { ConnectionStatusView } from '../connection-status/connection-status.view';
import { SubscriptionView } from '../subscriptions/subscription.view';
import { ArchiveDto, DeliverySettingsDto, FailoverDto, ProbeDto } from './mqtt-config.dto';

export class TopicsView {
  @IsString()
  prefix!: string;

  @IsString()
  pattern!: string;

  @IsBoolean()
  use_shared!: boolean;

  @IsString()
  @IsOptional()
  shared_group!: string | null;

  @IsIn([0, 1, 2])
  qos!: number;
}

export class MqttConfigSectionsView {
  @ValidateNested()
  @Type(() => BrokerView)
  broker!: BrokerView;

  @ValidateNested()
  @Type(() => TopicsView)
  topics!: TopicsView;

  @ValidateNested()
  @Type(() => DeliverySettingsDto)
  delivery!: DeliverySettingsDto;

  @ValidateNested()
  @Type(() => FailoverDto)
  failover!: FailoverDto;

  @ValidateNested()
  @Type(() => ProbeDto)
  probe!: ProbeDto;

  @ValidateNested()
  @Type(() => ArchiveDto)
  archive!: ArchiveDto;
}

/** Allowed, and most likely not meant, or at a price. `code` is stable. */
export class ConfigWarningView {
  @IsString()
  code!: string;

  @IsString()
  message!: string;
}

/** Answer of `GET` and `PUT …/mqtt-config`. */
export class MqttConfigView {
  @IsInt()
  product_id!: number;

  @IsInt()
  revision!: number;

  @ValidateNested()
  @Type(() => MqttConfigSectionsView)
  mqtt_config!: MqttConfigSectionsView;

  @ValidateNested({ each: true })
  @Type(() => ConfigWarningView)
  warnings!: ConfigWarningView[];

  @ValidateNested({ each: true })
  @Type(() => SubscriptionView)
  subscriptions!: SubscriptionView[];

  /** All of the product, also those that the answer leaves out. */
  @IsInt()
  subscriptions_total!: number;

  @ValidateNested()
  @Type(() => ConnectionStatusView)
  status!: ConnectionStatusView;
}
