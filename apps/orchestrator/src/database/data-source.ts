import 'reflect-metadata';
import { archiveMigrations, migrations } from '@cortex-mqtt/migrations';
import { DataSource } from 'typeorm';
import { AlertChannelEntity } from '../features/alerts/model/alert-channel.entity';
import { AlertRuleEntity } from '../features/alerts/model/alert-rule.entity';
import { MaintenanceWindowEntity } from '../features/alerts/model/maintenance-window.entity';
import { ApiTokenEntity } from '../features/api-tokens/api-token.entity';
import { AuditLogEntity } from '../features/audit/audit-log.entity';
import { SignInAttemptEntity } from '../features/oidc/sign-in-attempt.entity';
import { LoginFailureEntity } from '../features/auth/login-failure.entity';
import { UserInvitationEntity } from '../model/user-invitation.entity';
import { ConnectionEventEntity } from '../features/connection-history/connection-event.entity';
import { ConnectionTestEntity } from '../features/connection-test/connection-test.entity';
import { OperationEntity } from '../features/deliveries/operation.entity';
import { LeftSessionEntity } from '../features/left-sessions/left-session.entity';
import { ListenerTokenEntity } from '../features/listener-tokens/listener-token.entity';
import { ReconnectEntity } from '../features/listeners/reconnect.entity';
import { MetricBucketEntity } from '../features/metrics/metric-bucket.entity';
import { ProductLeaseEntity } from '../features/replicas/product-lease.entity';
import { ConnectionStatusEntity } from '../model/connection-status.entity';
import { ListenerContainersEntity } from '../model/listener-container.entity';
import { ListenerInstanceEntity } from '../model/listener-instance.entity';
import { MqttBrokerEntity } from '../model/mqtt-broker.entity';
import { ReplayEntity } from '../features/replays/replay.entity';
import { MqttConfigEntity } from '../model/mqtt-config.entity';
import { ProductEntity } from '../model/product.entity';
import { ProductSecretEntity } from '../model/product-secret.entity';
import { SessionEntity } from '../model/session.entity';
import { SubscriptionEntity } from '../model/subscription.entity';
import { UserEntity } from '../model/user.entity';
import { UserIdentityEntity } from '../model/user-identity.entity';
import { UserProductEntity } from '../model/user-product.entity';
import {
  ConfigurationPlanEntity,
  ManagedDocumentEntity,
} from '../features/configuration-plans/configuration-plan.entity';

export const entities = [
  AlertChannelEntity,
  AlertRuleEntity,
  MaintenanceWindowEntity,
  ProductEntity,
  MqttConfigEntity,
  MqttBrokerEntity,
  LeftSessionEntity,
  OperationEntity,
  SubscriptionEntity,
  ConfigurationPlanEntity,
  ConnectionStatusEntity,
  ManagedDocumentEntity,
  ListenerContainersEntity,
  ListenerInstanceEntity,
  ListenerTokenEntity,
  ProductLeaseEntity,
  ReconnectEntity,
  ProductSecretEntity,
  AuditLogEntity,
  UserEntity,
  UserProductEntity,
  UserInvitationEntity,
  UserIdentityEntity,
  SignInAttemptEntity,
  SessionEntity,
  LoginFailureEntity,
  ApiTokenEntity,
  ConnectionTestEntity,
  ConnectionEventEntity,
  MetricBucketEntity,
  ReplayEntity,
];

/** Where recorded messages are, when that is a database of their own. */
export function createArchiveDataSource({ url, poolSize = 10 }: { url: string; poolSize?: number }): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    migrations: archiveMigrations,
    migrationsTableName: 'migrations',
    synchronize: false,
    poolSize,
    applicationName: 'cortex-mqtt-archive',
    extra: { connectionTimeoutMillis: 5_000, idle_in_transaction_session_timeout: 30_000 },
  });
}

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
