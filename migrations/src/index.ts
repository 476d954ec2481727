import { IdempotencyKeys1766050000000 } from './1766050000000-idempotency-keys';
import type { MigrationInterface } from 'typeorm';
import { InitialSchema1764000000000 } from './1764000000000-initial-schema';
import { ConnectionHistory1764000100000 } from './1764000100000-connection-history';
import { FurtherBrokers1764000200000 } from './1764000200000-further-brokers';
import { ConnectionTransitions1764000300000 } from './1764000300000-connection-transitions';
import { Operations1764000400000 } from './1764000400000-operations';
import { ProductLeases1764000500000 } from './1764000500000-product-leases';
import { WebsocketProxy1764000600000 } from './1764000600000-websocket-proxy';
import { LeaseConnection1764000700000 } from './1764000700000-lease-connection';
import { SubscribeOn1764000800000 } from './1764000800000-subscribe-on';
import { KnownSessions1764000900000 } from './1764000900000-known-sessions';
import { AuditEntityName1764001000000 } from './1764001000000-audit-entity-name';
import { ProxyCredentials1764001100000 } from './1764001100000-proxy-credentials';
import { ExecutedMeansSucceeded1765002000000 } from './1765002000000-executed-means-succeeded';
import { GrantsAndScopes1765004000000 } from './1765004000000-grants-and-scopes';
import { MessageArchive1765005000000 } from './1765005000000-message-archive';
import { ArchiveSettings1765005100000 } from './1765005100000-archive-settings';
import { RevisionKeys1765008000000 } from './1765008000000-revision-keys';
import { Alerts1765006000000 } from './1765006000000-alerts';
import { ListenerContainers1766060000000 } from './1766060000000-listener-containers';
import { Installation1765008100000 } from './1765008100000-installation';
import { OperationFailures1765002100000 } from './1765002100000-operation-failures';
import { ClientKeyPassphrase1765003000000 } from './1765003000000-client-key-passphrase';
import { NarrowHeartbeats1765000000000 } from './1765000000000-narrow-heartbeats';
import { ConfigurationAsCode1765007000000 } from './1765007000000-configuration-as-code';
import { Replays1765005200000 } from './1765005200000-replays';
import { ReplayPace1766030000000 } from './1766030000000-replay-pace';
import { SingleSignOn1766040000000 } from './1766040000000-single-sign-on';
import { LeftSessions1766010000000 } from './1766010000000-left-sessions';
import { AllowedQueues1766040100000 } from './1766040100000-allowed-queues';
import { BrokerConnections1766010000010 } from './1766010000010-broker-connections';

/** In the order in which they are applied. */
export const migrations: (new () => MigrationInterface)[] = [
  InitialSchema1764000000000,
  ConnectionHistory1764000100000,
  FurtherBrokers1764000200000,
  ConnectionTransitions1764000300000,
  Operations1764000400000,
  ProductLeases1764000500000,
  WebsocketProxy1764000600000,
  LeaseConnection1764000700000,
  SubscribeOn1764000800000,
  KnownSessions1764000900000,
  AuditEntityName1764001000000,
  ProxyCredentials1764001100000,
  ClientKeyPassphrase1765003000000,
  ExecutedMeansSucceeded1765002000000,
  GrantsAndScopes1765004000000,
  MessageArchive1765005000000,
  ArchiveSettings1765005100000,
  RevisionKeys1765008000000,
  Alerts1765006000000,
  Installation1765008100000,
  OperationFailures1765002100000,
  NarrowHeartbeats1765000000000,
  ConfigurationAsCode1765007000000,
  Replays1765005200000,
  ListenerContainers1766060000000,
  SingleSignOn1766040000000,
  AllowedQueues1766040100000,
  IdempotencyKeys1766050000000,
  LeftSessions1766010000000,
  BrokerConnections1766010000010,
  ReplayPace1766030000000,
];

/** Those of a database that has recorded messages and nothing else. */
export const archiveMigrations: (new () => MigrationInterface)[] = [MessageArchive1765005000000];
