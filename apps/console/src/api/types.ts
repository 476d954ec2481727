import type { components, paths } from './openapi.generated';

/**
 * The shapes of the REST API, by the console's names. They come from the server's OpenAPI document (`npm run generate`);
 * what is written out here is what the document leaves open: JSON of the actions, of dry runs and of listeners' reports.
 */
type Schemas = components['schemas'];

/** An address below `/api/v1` that the document names, its parameters filled in. */
export type ApiPath = Filled<keyof paths> | `${Filled<keyof paths>}?${string}`;

type Filled<P extends string> = P extends `/api/v1${infer Rest}` ? FilledSegments<Rest> : never;
type FilledSegments<P extends string> = P extends `${infer Before}{${infer Name}}${infer After}`
  ? `${Before}${Name extends 'product_id' | 'sub_id' ? number : string | number}${FilledSegments<After>}`
  : P;

/** `T` with some of its fields told more precisely. */
type Refined<T, R> = Omit<T, keyof R> & R;

export type QoS = 0 | 1 | 2;
export type Role = User['role'];
export type Transport = Broker['transport'];
export type PayloadFormat = Subscription['payload_format'];

export interface Page<T> {
  items: T[];
  total: number;
  page: number;
  page_size: number;
}

/** RFC 9457 problem details; where no server answered, only what the first four say. */
export type Problem = Pick<Schemas['Problem'], 'type' | 'title' | 'status' | 'detail'> & Partial<Schemas['Problem']>;
export type FieldFault = Schemas['Problem']['errors'][number];

export type User = Schemas['SignedInUserView'];
/** How one can sign in. */
export type SignInOptions = Schemas['SignInOptionsView'];
/** A user as an administrator sees it. */
export type UserAccount = Schemas['UserView'];
/** A link with which somebody chooses a password, shown once. */
export type IssuedInvitation = Schemas['IssuedInvitationView'];
/** For whom an invitation is. */
export type Invitation = Schemas['InvitationView'];
/** A sign-in that has not ended. */
export type OpenSession = Schemas['OpenSessionView'];
export type Scope = Schemas['ApiTokenView']['scopes'][number];

export type ConnectionState = Schemas['ConnectionStatusView']['state'];
export type InstanceState = Schemas['StatusReportDto']['state'] | 'stale';

export type Product = Refined<Schemas['ProductView'], { variables: Record<string, string> }>;
/** A product at a glance. */
export type ProductOverview = Schemas['ProductOverviewView'];

export type LastWill = Required<Schemas['LastWillDto']>;
export type Broker = Refined<
  Schemas['BrokerView'],
  { user_properties: Record<string, string>; last_will: LastWill | null }
>;
/** A broker to fail over to. */
export type FurtherBroker = Refined<
  Schemas['FurtherBrokerView'],
  { user_properties: Record<string, string>; last_will: LastWill | null }
>;

export interface ActionDefinition {
  id: string;
  type: string;
  name?: string;
  enabled: boolean;
  when?: string | null;
  input?: string | null;
  retry?: { max_attempts?: number; base_delay_ms?: number; max_delay_ms?: number } | null;
  timeout_ms?: number;
  [field: string]: unknown;
}

export type Subscription = Refined<Schemas['SubscriptionView'], { qos: QoS | null; actions: ActionDefinition[] }>;

/** A subscription of any product, as the search finds it. */
export type FoundSubscription = Schemas['FoundSubscriptionView'];

/** Fields a POST or PUT of a subscription may carry. */
export type SubscriptionChange = Refined<Schemas['UpdateSubscriptionDto'], { actions?: ActionDefinition[] }>;

export type MqttConfigDocument = Refined<
  Schemas['MqttConfigView'],
  {
    mqtt_config: Refined<Schemas['MqttConfigSectionsView'], { broker: Broker }>;
    subscriptions: Subscription[];
    status: ConnectionStatus;
  }
>;

export interface TopicFilterState {
  topic_filter: string;
  subscription_ids: number[];
  requested_qos: QoS;
  granted_qos: QoS | null;
  refused: string | null;
}

export interface Warning {
  code: string;
  message: string;
}

/** One listener process. `report` is what it last said of itself; it may lack what an older listener doesn't know. */
export type InstanceStatus = Refined<
  Schemas['InstanceView'],
  { state: InstanceState; report: Partial<InstanceReport> }
>;

export type InstanceReport = Refined<
  Schemas['StatusReportDto'],
  {
    rejected_revision: { revision: number; reason: string } | null;
    broker: { name: string; host: string; port: number } | null;
    /** Only those that are not as wanted, at most 200. */
    topic_filters: TopicFilterState[];
  }
>;

export type ConnectionStatus = Refined<Schemas['ConnectionStatusView'], { instances: InstanceStatus[] }>;
export type Container = Schemas['ContainerStatusView'];
export type ContainerLog = Schemas['ContainerLogView'];
/** What has changed in a managed product since its files were applied. */
export type Drift = Schemas['ManagedProductDriftView'];
export type Recovery = Schemas['RecoveryView'];
export type Probe = Schemas['ProbeView'];

export const TEST_STAGES = ['dns', 'tcp', 'proxy', 'tls', 'websocket', 'connect', 'subscribe', 'roundtrip'] as const;
export type TestStage = StageResult['stage'];
export type StageResult = Schemas['StageResultDto'];
export type ConnectionTestResult = Refined<Schemas['ConnectionTestView'], { warnings: Warning[] }>;

export type ReconnectOutcome = Schemas['ReconnectView'];
export type ConnectionEvent = Schemas['ConnectionEventView'];

export type MetricPoint = Schemas['MetricPointView'];
export type Metrics = Schemas['MetricsView'];
export type AlertSettings = Schemas['AlertSettingsView'];
export type UptimeWindow = Schemas['UptimeWindowView'];
export type Uptime = Schemas['UptimeView'];

export type Delivery = Schemas['DeliveryView'];
export type DeliveryState = Delivery['state'];
export type DeliveryPage = Schemas['DeliveryPageView'];
export type DeliveryAttempt = Schemas['DeliveryAttemptView'];
export type DeliveryDetail = Refined<
  Schemas['DeliveryDetailView'],
  { user_properties: Record<string, string | string[]> }
>;
export type DeliveryCounts = Schemas['DeliveryCountsView'];
/** A bulk operation under way or ended. */
export type Operation = Schemas['OperationView'];

/** JSON Schema (2020-12) as far as the action forms use it. */
export interface JsonSchema {
  /** What a value is written in. */
  'x-editor'?: 'jsonata' | 'template' | 'secret' | 'sql';
  'x-multiline'?: boolean;
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  additionalProperties?: boolean | JsonSchema;
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  allOf?: JsonSchema[];
  $ref?: string;
  definitions?: Record<string, JsonSchema>;
  $defs?: Record<string, JsonSchema>;
}

export type ActionType = Refined<Schemas['ActionTypeView'], { schema: JsonSchema }>;

export type AuditEntry = Schemas['AuditLogView'];

/** A bearer token, of a user or of a listener; `token` is there only in the answer that made it. */
export type Token = Pick<
  Schemas['ListenerTokenView'],
  keyof Schemas['ApiTokenView'] & keyof Schemas['ListenerTokenView']
> &
  Partial<Pick<Schemas['CreatedApiTokenView'], 'hint' | 'token' | 'scopes' | 'product_ids'>>;

export type RecentMessages = Refined<
  Schemas['RecentMessagesView'],
  { items: Refined<Schemas['RecentMessageView'], { user_properties: Record<string, string | string[]> }>[] }
>;

export type ProductSecret = Schemas['SecretView'];

/** A message as it was received; bytes in base64. */
export interface SampleMessage {
  topic: string;
  payload_base64: string;
  qos: QoS;
  retain: boolean;
  duplicate: boolean;
  user_properties: Record<string, string | string[]>;
  content_type: string | null;
  received_at: string;
}

export interface DryRunFault {
  message: string;
  permanent: boolean;
  detail?: Record<string, unknown>;
}

/** What a step of a dry run gave, or why it failed. */
export type DryRunStep<T> = { ok: true; value: T } | { ok: false; fault: DryRunFault };

export interface DryRunAction {
  action_id: string;
  type: string;
  name: string | null;
  enabled: boolean;
  when: DryRunStep<boolean> | null;
  input: DryRunStep<unknown> | null;
  request: DryRunStep<Record<string, unknown>> | null;
  would_run: boolean;
}

export interface DryRunResult {
  matched: boolean;
  params: Record<string, string>;
  decode: DryRunStep<unknown> | null;
  filter: DryRunStep<boolean> | null;
  identity: DryRunStep<{ message_id: string; carried: boolean }> | null;
  ordering_key: DryRunStep<unknown> | null;
  actions: DryRunAction[];
}

export type Incident = Schemas['IncidentView'];
export type IncidentDetail = Schemas['IncidentDetailView'];
export type AlertRule = Schemas['AlertRuleView'];
export type AlertChannel = Schemas['AlertChannelView'];
export type MaintenanceWindow = Schemas['MaintenanceWindowView'];
export type RulePreview = Schemas['RulePreviewView'];
export type ChannelTest = Schemas['ChannelTestView'];
export type Destination = Schemas['DestinationView'];
export type Message = Schemas['MessageView'];
export type Messages = Schemas['MessagesView'];
export type MessageDetail = Refined<
  Schemas['MessageDetailView'],
  { user_properties: Record<string, string | string[]> | null }
>;
export type TopicTree = Schemas['TopicTreeView'];
export type ArchiveUsage = Schemas['ArchiveUsageView'];
export type Replay = Schemas['ReplayView'];
