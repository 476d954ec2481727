import { createHttpSender } from '@cortex-mqtt/actions';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import type { ExpressionEngine } from '@cortex-mqtt/expressions';
import type { Logger } from '@cortex-mqtt/observability';
import { type DiscoverRequest, endSessionWithLanes } from '@cortex-mqtt/mqtt';
import type { QueueBackend } from '@cortex-mqtt/queues';
import type { DataSource } from 'typeorm';
import { type Alerts, buildAlerts } from './features/alerts/alerts';
import { SilenceWatches } from './features/alerts/evaluation/silence-watches';
import { apiTokenRoutes } from './features/api-tokens/api-token.routes';
import { ApiTokenService } from './features/api-tokens/api-token.service';
import { auditLogRoutes } from './features/audit/audit-log.routes';
import { AuditLogService } from './features/audit/audit-log.service';
import { authRoutes } from './features/auth/auth.routes';
import { AuthService } from './features/auth/auth.service';
import { createAuthenticator } from './features/auth/authenticator';
import { InvitationService, issueInvitation } from './features/auth/invitation.service';
import { LoginLimits } from './features/auth/login-limits';
import type { PasswordWork } from './features/auth/password-work';
import { SessionService } from './features/auth/session.service';
import { createSessionCookies } from './features/auth/session-cookies';
import { brokerRoutes } from './features/brokers/broker.routes';
import { BrokerService } from './features/brokers/broker.service';
import { configurationPlanRoutes } from './features/configuration-plans/configuration-plan.routes';
import { ConfigurationPlanService } from './features/configuration-plans/configuration-plan.service';
import { connectionHistoryRoutes } from './features/connection-history/connection-history.routes';
import { ConnectionHistoryService } from './features/connection-history/connection-history.service';
import { connectionStatusRoutes } from './features/connection-status/connection-status.routes';
import { ConnectionStatusService } from './features/connection-status/connection-status.service';
import { StatusStream } from './features/connection-status/status-stream';
import { connectionTestRoutes } from './features/connection-test/connection-test.routes';
import { ConnectionTestService } from './features/connection-test/connection-test.service';
import { DeadLetterCounts } from './features/deliveries/dead-letter-counts';
import { deliveryRoutes } from './features/deliveries/delivery.routes';
import { DeliveryService } from './features/deliveries/delivery.service';
import { OperationService } from './features/deliveries/operation.service';
import { destinationRoutes } from './features/destinations/destination.routes';
import { DestinationService } from './features/destinations/destination.service';
import { discoverRoutes } from './features/discover/discover.routes';
import { dryRunRoutes } from './features/dry-run/dry-run.routes';
import { DryRunService } from './features/dry-run/dry-run.service';
import { StoredReplies } from './features/idempotency/stored-replies';
import { LeftSessionNotes } from './features/left-sessions/left-session.notes';
import { leftSessionRoutes } from './features/left-sessions/left-session.routes';
import { LeftSessionService } from './features/left-sessions/left-session.service';
import { listenerConfigRoutes } from './features/listener-config/listener-config.routes';
import { ListenerConfigService } from './features/listener-config/listener-config.service';
import { listenerTokenRoutes } from './features/listener-tokens/listener-token.routes';
import { ListenerTokenService } from './features/listener-tokens/listener-token.service';
import { oidcRoutes } from './features/oidc/oidc.routes';
import type { OidcProvider } from './features/oidc/provider-settings';
import { SignInAttempts } from './features/oidc/sign-in-attempts';
import { SingleSignOnService } from './features/oidc/single-sign-on.service';
import { reconnectRoutes } from './features/listeners/reconnect.routes';
import { ReconnectService } from './features/listeners/reconnect.service';
import { replayRoutes } from './features/replays/replay.routes';
import { ReplayService } from './features/replays/replay.service';
import { ReplayProgress } from './features/replays/replay-progress';
import { ReplayReader } from './features/replays/replay-reader';
import { ReplayCalls } from './features/replays/replay-calls';
import { ReplayRunner } from './features/replays/replay-runner';
import { messageRoutes } from './features/messages/message.routes';
import { MessageArchive } from './features/messages/message-archive';
import { PostgresMessageStore } from './features/messages/store/postgres-message-store';
import { metricsRoutes } from './features/metrics/metrics.routes';
import { MetricsService } from './features/metrics/metrics.service';
import { OverviewService } from './features/metrics/overview.service';
import { mqttConfigRoutes } from './features/mqtt-config/mqtt-config.routes';
import { MqttConfigService } from './features/mqtt-config/mqtt-config.service';
import { productRoutes } from './features/products/product.routes';
import { ProductService } from './features/products/product.service';
import { recentMessagesRoutes } from './features/recent-messages/recent-messages.routes';
import { RecentMessagesService } from './features/recent-messages/recent-messages.service';
import { scalingRoutes } from './features/scaling/scaling.routes';
import { ScalingService } from './features/scaling/scaling.service';
import { productSecretRoutes } from './features/secrets/product-secret.routes';
import { ProductSecretService } from './features/secrets/product-secret.service';
import type { SecretBox } from './features/secrets/secret-box';
import { Fleet } from './features/status-reports/fleet';
import { statusReportRoutes } from './features/status-reports/status-report.routes';
import type { StatusReportService } from './features/status-reports/status-report.service';
import { subscriptionRoutes } from './features/subscriptions/subscription.routes';
import { SubscriptionWarnings } from './features/subscriptions/subscription-warnings';
import { SubscriptionBulkService } from './features/subscriptions/subscription-bulk.service';
import { SubscriptionService } from './features/subscriptions/subscription.service';
import { checkAllTopics } from './features/subscriptions/subscription-topic';
import { testMessageRoutes } from './features/test-message/test-message.routes';
import { TestMessageService } from './features/test-message/test-message.service';
import { userRoutes } from './features/users/user.routes';
import { UserService } from './features/users/user.service';
import { createHealthReader } from './model/health-reader';
import type { IdempotentRequests } from './http/idempotency';
import type { Authenticate } from './http/mount-routes';
import type { Route } from './http/route';
import { ControlNotifier } from './jobs/control-notifier';
import { QueueCleaner } from './jobs/queue-cleaner';

/** Who signs in where. */
export interface SingleSignOnSettings {
  providers: readonly OidcProvider[];
  /** Passwords open nothing but the account for emergencies. */
  is_only: boolean;
  break_glass_email: string | null;
  /** Of sign-ins that are under way at a provider. */
  key: Buffer;
}

export interface FeatureDeps {
  dataSource: DataSource;
  database_url: string;
  queues: QueueBackend;
  /** Where recorded messages are; the database itself unless they have one of their own. */
  archive: DataSource;
  /** Listens at a broker for the topics that come. */
  discover(request: DiscoverRequest): Promise<void>;
  /** For dry runs. */
  engine: ExpressionEngine;
  secretBox: SecretBox;
  /** What alert channels may reach. */
  egress: EgressPolicy;
  /** Signs the links in alert messages. */
  link_key: Buffer;
  /** Where people reach the console, for links in messages. */
  console_url: string;
  passwords: PasswordWork;
  logger: Logger;
  public_url: string | undefined;
  session_ttl_ms: number;
  single_sign_on: SingleSignOnSettings;
  stale_after_ms: number;
  adopt_after_ms: number;
  /** Told after commit that products appeared, vanished, or were enabled or disabled. */
  onProductsChanged(): void;
}

export interface Features {
  routes: Route[];
  authenticate: Authenticate;
  /** Without a look at the CSRF token. */
  identify: Authenticate;
  /** Of a request that is still being answered. */
  identifyAgain: Authenticate;
  idempotentRequests: IdempotentRequests;
  alerts: Alerts;
  auth: AuthService;
  auditLogs: AuditLogService;
  products: ProductService;
  mqttConfigs: MqttConfigService;
  fleet: Fleet;
  statusReports: StatusReportService;
  connectionStatus: ConnectionStatusService;
  connectionTests: ConnectionTestService;
  statusStream: StatusStream;
  leftSessions: LeftSessionService;
  connectionHistory: ConnectionHistoryService;
  metrics: MetricsService;
  operations: OperationService;
  configurationPlans: ConfigurationPlanService;
  queueCleaner: QueueCleaner;
  messageArchive: MessageArchive;
  replayRunner: ReplayRunner;
  notifier: ControlNotifier;
}

/** Every feature, wired; nothing is started and nothing connected here. */
export function buildFeatures(deps: FeatureDeps): Features {
  const { dataSource, queues, secretBox, passwords, logger, public_url, stale_after_ms } = deps;
  const silenceWatches = new SilenceWatches();
  const fleet = new Fleet({ ...deps, silenceWatches: (...about) => silenceWatches.of(...about) });
  const { changes } = fleet;
  const deadLetterCounts = new DeadLetterCounts({ queues });
  const readHealth = createHealthReader({
    dataSource,
    stale_after_ms,
    deadLetters: (product_ids) => deadLetterCounts.of(product_ids),
  });
  const subscriptionWarnings = new SubscriptionWarnings({ dataSource });
  const sessionNotes = new LeftSessionNotes({ secretBox });
  const leftSessions = new LeftSessionService({
    dataSource,
    secretBox,
    notes: sessionNotes,
    endSession: (session) => endSessionWithLanes(session, { egress: deps.egress }),
    logger,
  });
  const connectionStatus = new ConnectionStatusService({
    dataSource,
    stale_after_ms,
    readHealth,
    configurationWarnings: async (product, config, now) => [
      ...(await subscriptionWarnings.of(product, config, now)),
      ...(await leftSessions.warnings(product.id, now)),
    ],
  });
  const statusStream = new StatusStream({ changes, connectionStatus, logger });
  const liveInstanceIds = (product_id: number) => connectionStatus.liveInstanceIds(product_id);
  const notifier = new ControlNotifier({
    queues,
    liveInstanceIds,
    onChanged: (product_id) => fleet.forget(product_id),
    logger,
  });
  const { session_ttl_ms, single_sign_on } = deps;
  const passwords_of = single_sign_on.is_only ? single_sign_on.break_glass_email : null;
  const cookies = createSessionCookies(public_url);
  const authenticator = createAuthenticator({ dataSource, cookies, public_url, session_ttl_ms });
  const { sessionUser } = authenticator;
  const sessions = new SessionService({ dataSource, session_ttl_ms });
  const auth = new AuthService({
    dataSource,
    passwords,
    limits: new LoginLimits({ dataSource }),
    sessions,
    passwords_of,
  });
  const invitations = new InvitationService({ dataSource, passwords, sessions, passwords_of });
  const singleSignOn = new SingleSignOnService({
    ...single_sign_on,
    dataSource,
    sessions,
    attempts: new SignInAttempts({ dataSource, key: single_sign_on.key }),
    public_url,
    logger,
  });
  const connectionTests = new ConnectionTestService({ dataSource, queues, secretBox, liveInstanceIds, logger });
  const reconnects = new ReconnectService({
    dataSource,
    stale_after_ms,
    notify: (product_id, reconnect_id, generation) => notifier.reconnectRequested(product_id, reconnect_id, generation),
  });
  const products = new ProductService({
    dataSource,
    readHealth,
    notifier,
    sessions: sessionNotes,
    checkTopics: (manager, product, config) => checkAllTopics(manager, product, config, () => 'variables'),
    onProductsChanged: deps.onProductsChanged,
  });
  const mqttConfigs = new MqttConfigService({
    dataSource,
    sessions: sessionNotes,
    notifier,
    secretBox,
    readStatus: (product_id) => connectionStatus.read(product_id),
  });
  const brokers = new BrokerService({
    dataSource,
    sessions: sessionNotes,
    notifier,
    secretBox,
    brokersInUse: (product_id) => connectionStatus.brokersInUse(product_id),
  });
  const connectionHistory = new ConnectionHistoryService({ dataSource });
  const deliveries = new DeliveryService({ dataSource, queues });
  const operations = new OperationService({ dataSource, queues, deliveries, logger });
  const recentMessages = new RecentMessagesService({ dataSource, queues, liveInstanceIds, logger });
  const testMessages = new TestMessageService({
    dataSource,
    queues,
    connectedInstanceIds: async (product_id) => [...(await connectionStatus.brokersInUse(product_id)).keys()],
  });
  const replayProgress = new ReplayProgress({ dataSource });
  const messageArchive = new MessageArchive({
    dataSource,
    store: new PostgresMessageStore(deps.archive),
    secretBox,
    engine: deps.engine,
    onReplayed: (product_id, outcomes) => replayProgress.ended(product_id, outcomes),
    logger,
  });
  const reader = new ReplayReader({ scan: messageArchive.scan, engine: deps.engine });
  const replays = new ReplayService({
    dataSource,
    engine: deps.engine,
    store: messageArchive.store,
    reader,
    secretBox,
    progress: replayProgress,
  });
  const replayHttp = createHttpSender({ egress: deps.egress });
  const replayRunner = new ReplayRunner({
    dataSource,
    queues,
    replays,
    reader,
    progress: replayProgress,
    engine: deps.engine,
    calls: new ReplayCalls({ http: replayHttp, engine: deps.engine }),
    noteOutcomes: (product_id, outcomes) => messageArchive.intake.addOutcomes(product_id, outcomes),
    logger,
  });
  const subscriptionDeps = { dataSource, notifier, secretBox, engine: deps.engine };
  const auditLogs = new AuditLogService({ dataSource });
  const metrics = new MetricsService({ dataSource });
  const overview = new OverviewService({
    dataSource,
    stale_after_ms,
    readHealth,
    deadLetters: (product_ids) => deadLetterCounts.of(product_ids),
  });
  const alerts = buildAlerts({ ...deps, deadLetters: (product_ids) => deadLetterCounts.of(product_ids) });
  const configurationPlans = new ConfigurationPlanService({
    dataSource,
    sessions: sessionNotes,
    engine: deps.engine,
    secretBox,
    notifier,
    progressOf: (product_id) => connectionStatus.progressOf(product_id),
    onProductsChanged: deps.onProductsChanged,
  });
  return {
    alerts,
    auth,
    auditLogs,
    notifier,
    products,
    mqttConfigs,
    fleet,
    statusReports: fleet.statusReports,
    connectionStatus,
    connectionTests,
    statusStream,
    leftSessions,
    connectionHistory,
    metrics,
    operations,
    messageArchive,
    configurationPlans,
    replayRunner,
    queueCleaner: new QueueCleaner({ dataSource, queues, logger }),
    ...authenticator,
    idempotentRequests: new StoredReplies({ dataSource, secretBox }),
    routes: [
      ...authRoutes({ auth, sessions, invitations, sessionUser, cookies, public_url }),
      ...oidcRoutes({
        singleSignOn,
        providers: single_sign_on.providers,
        sso_only: single_sign_on.is_only,
        cookies,
        public_url,
      }),
      ...apiTokenRoutes({ apiTokens: new ApiTokenService({ dataSource }) }),
      ...userRoutes({
        users: new UserService({
          dataSource,
          passwords,
          public_url,
          provider_ids: new Set(single_sign_on.providers.map(({ id }) => id)),
          issueInvitation,
        }),
      }),
      ...productRoutes({ products }),
      ...mqttConfigRoutes({ mqttConfigs }),
      ...brokerRoutes({ brokers }),
      ...connectionTestRoutes({ connectionTests }),
      ...subscriptionRoutes({
        subscriptions: new SubscriptionService(subscriptionDeps),
        subscriptionBulk: new SubscriptionBulkService(subscriptionDeps),
      }),
      ...dryRunRoutes({ dryRuns: new DryRunService({ dataSource, engine: deps.engine, secretBox }) }),
      ...discoverRoutes({
        brokerFor: (product_id, dto) => connectionTests.brokerFor(product_id, dto),
        discover: deps.discover,
      }),
      ...statusReportRoutes({ statusReports: fleet.statusReports }),
      ...connectionStatusRoutes({ connectionStatus, statusStream }),
      ...leftSessionRoutes({ leftSessions }),
      ...connectionHistoryRoutes({ connectionHistory, statusStream }),
      ...metricsRoutes({ metrics, overview }),
      ...destinationRoutes({
        destinations: new DestinationService({ dataSource, queues, stale_after_ms, liveInstanceIds }),
      }),
      ...deliveryRoutes({ deliveries, operations }),
      ...messageRoutes(messageArchive),
      ...replayRoutes({ replays }),
      ...recentMessagesRoutes({ recentMessages }),
      ...testMessageRoutes({ testMessages }),
      ...reconnectRoutes({ reconnects }),
      ...scalingRoutes({ scaling: new ScalingService({ dataSource, queues, stale_after_ms }) }),
      ...productSecretRoutes({ productSecrets: new ProductSecretService({ dataSource, secretBox, notifier }) }),
      ...listenerTokenRoutes({
        listenerTokens: new ListenerTokenService({
          dataSource,
          onRevoked: (product_id) => fleet.forget(product_id),
        }),
      }),
      ...alerts.routes,
      ...configurationPlanRoutes({ configurationPlans }),
      ...auditLogRoutes({ auditLogs }),
      ...listenerConfigRoutes({
        listenerConfigs: new ListenerConfigService({
          dataSource,
          secretBox,
          leftSessions: (manager, product_id) => leftSessions.pending(manager, product_id),
        }),
      }),
    ],
  };
}
