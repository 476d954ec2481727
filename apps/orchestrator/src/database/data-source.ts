import 'reflect-metadata';
import { migrations } from '@cortex-mqtt/migrations';
import { DataSource } from 'typeorm';
import { AuditLogEntity } from '../features/audit/audit-log.entity';
import { ApiTokenEntity } from '../features/auth/api-token.entity';
import { LoginFailureEntity } from '../features/auth/login-failure.entity';
import { SessionEntity } from '../features/auth/session.entity';
import { UserEntity } from '../features/auth/user.entity';
import { UserProductEntity } from '../features/auth/user-product.entity';
import { MqttBrokerEntity } from '../features/brokers/mqtt-broker.entity';
import { ConnectionEventEntity } from '../features/connection-status/connection-event.entity';
import { ConnectionStatusEntity } from '../features/connection-status/connection-status.entity';
import { MetricBucketEntity } from '../features/connection-status/metric-bucket.entity';
import { ConnectionTestEntity } from '../features/connection-test/connection-test.entity';
import { OperationEntity } from '../features/deliveries/operation.entity';
import { ListenerInstanceEntity } from '../features/listeners/listener-instance.entity';
import { ListenerTokenEntity } from '../features/listeners/listener-token.entity';
import { ProductLeaseEntity } from '../features/listeners/product-lease.entity';
import { ReconnectEntity } from '../features/listeners/reconnect.entity';
import { MqttConfigEntity } from '../features/mqtt-config/mqtt-config.entity';
import { ProductEntity } from '../features/products/product.entity';
import { ProductSecretEntity } from '../features/secrets/product-secret.entity';
import { SubscriptionEntity } from '../features/subscriptions/subscription.entity';

export const entities = [
  ProductEntity,
  MqttConfigEntity,
  MqttBrokerEntity,
  OperationEntity,
  SubscriptionEntity,
  ConnectionStatusEntity,
  ListenerInstanceEntity,
  ListenerTokenEntity,
  ProductLeaseEntity,
  ReconnectEntity,
  ProductSecretEntity,
  AuditLogEntity,
  UserEntity,
  UserProductEntity,
  SessionEntity,
  LoginFailureEntity,
  ApiTokenEntity,
  ConnectionTestEntity,
  ConnectionEventEntity,
  MetricBucketEntity,
];

/** The one way to the database. `synchronize` is off: only migrations change the schema. */
export function createDataSource({ url, poolSize = 10 }: { url: string; poolSize?: number }): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    entities,
    migrations,
    migrationsTableName: 'migrations',
    synchronize: false,
    poolSize,
    applicationName: 'cortex-mqtt-orchestrator',
    extra: { connectionTimeoutMillis: 5_000, idle_in_transaction_session_timeout: 30_000 },
  });
}
