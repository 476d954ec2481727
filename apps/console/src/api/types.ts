/** The shapes of the REST API as the console reads them. Times are RFC 3339 strings, in UTC. */

export type QoS = 0 | 1 | 2;
export type Role = 'viewer' | 'operator' | 'admin';
export type Transport = 'tcp' | 'tls' | 'ws' | 'wss';
export type PayloadFormat = 'json' | 'text' | 'binary';

export interface Page<T> {
  items: T[];
  total: number;
  page: number;
  page_size: number;
}

export interface FieldFault {
  field: string;
  message: string;
}

/** RFC 9457 problem details. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance?: string;
  request_id?: string;
  errors?: FieldFault[];
}

export interface User {
  id: number;
  email: string;
  name: string;
  role: Role;
  /** Ids of the products an operator may change; an admin needs none. */
  product_ids: number[];
}

/** A user as an administrator sees it. */
export interface UserAccount extends User {
  disabled: boolean;
  last_login_at: string | null;
  created_at: string;
  updated_at: string;
}

export type ConnectionState = 'no_listener' | 'connecting' | 'connected' | 'degraded' | 'disconnected' | 'stale';
export type InstanceState =
  | 'starting'
  | 'unconfigured'
  | 'connecting'
  | 'connected'
  | 'degraded'
  | 'disconnected'
  | 'standby'
  | 'stopped'
  | 'stale';

export interface Product {
  id: number;
  name: string;
  slug: string;
  description: string;
  enabled: boolean;
  variables: Record<string, string>;
  created_at: string;
  updated_at: string;
}

export interface LastWill {
  topic: string;
  payload: string;
  qos: QoS;
  retain: boolean;
  delay_s: number;
}

export interface Broker {
  host: string | null;
  port: number;
  use_tls: boolean;
  verify_cert: boolean;
  username: string | null;
  password_set: boolean;
  client_id: string | null;
  keep_alive: number;
  clean_session: boolean;
  protocol_version: 4 | 5;
  transport: Transport;
  path: string | null;
  server_name: string | null;
  ca_cert: string | null;
  client_cert: string | null;
  client_key_set: boolean;
  session_expiry_s: number;
  connect_timeout_s: number;
  receive_maximum: number | null;
  user_properties: Record<string, string>;
  alpn_protocols: string[];
  last_will: LastWill | null;
}

export interface Topics {
  prefix: string;
  pattern: string;
  use_shared: boolean;
  shared_group: string | null;
  qos: QoS;
}

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

export interface Subscription {
  id: number;
  name: string;
  topic: string;
  absolute_topic: boolean;
  topic_filter: string;
  enabled: boolean;
  description: string;
  qos: QoS | null;
  payload_format: PayloadFormat;
  filter: string | null;
  message_key: string | null;
  concurrency: number | null;
  ordering: string;
  actions: ActionDefinition[];
  messages_received: number;
  last_message_at: string | null;
  actions_executed: number;
  actions_failed: number;
  created_at: string;
  updated_at: string;
}

/** Fields a POST or PUT of a subscription may carry. */
export type SubscriptionChange = Partial<
  Pick<
    Subscription,
    | 'name'
    | 'topic'
    | 'absolute_topic'
    | 'enabled'
    | 'description'
    | 'qos'
    | 'payload_format'
    | 'filter'
    | 'message_key'
    | 'concurrency'
    | 'ordering'
    | 'actions'
  >
>;

export interface MqttConfigDocument {
  product_id: number;
  revision: number;
  mqtt_config: {
    broker: Broker;
    topics: Topics;
    delivery?: { handover_after_ms: number };
    failover?: { after_s: number | null; failback_after_s: number | null };
    probe?: { topic: string | null; interval_s: number };
  };
  subscriptions: Subscription[];
  status: ConnectionStatus;
}

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
export interface InstanceStatus {
  id: string;
  state: InstanceState;
  applied_revision: number | null;
  config_source: string | null;
  last_heartbeat_at: string | null;
  report: Partial<InstanceReport>;
}

export interface InstanceReport {
  version: string;
  hostname: string;
  pid: number;
  started_at: string;
  state_since: string;
  reason: string | null;
  reason_code: string | null;
  advice: string | null;
  rejected_revision: { revision: number; reason: string } | null;
  broker: { name: string; host: string; port: number } | null;
  client_id: string | null;
  recovery: { attempt: number; next_try_at: string | null } | null;
  topic_filters: TopicFilterState[];
  warnings: Warning[];
  oldest_unacknowledged_ms: number | null;
  in_flight: number;
  queue_depth: number | null;
  probe: { last_sent_at: string | null; last_received_at: string | null; round_trip_ms: number | null } | null;
}

export interface ConnectionStatus {
  product_id: number;
  connected: boolean;
  state: ConnectionState;
  state_since?: string | null;
  desired_revision: number;
  applied_revision: number | null;
  last_connected_at: string | null;
  last_disconnected_at: string | null;
  connection_error: string | null;
  messages_received: number;
  /** Messages a second over the last minute. */
  rate_1m: number;
  last_message_at: string | null;
  subscribed_topics_count: number;
  client_id: string | null;
  broker_info: Record<string, unknown> | null;
  updated_at: string | null;
  instances: InstanceStatus[];
}

export const TEST_STAGES = ['dns', 'tcp', 'tls', 'websocket', 'connect', 'subscribe', 'roundtrip'] as const;
export type TestStage = (typeof TEST_STAGES)[number];

export interface StageResult {
  stage: TestStage;
  state: 'passed' | 'failed' | 'skipped';
  duration_ms: number;
  detail: Record<string, unknown> | string | null;
}

export interface ConnectionTestResult {
  status: 'success' | 'failed';
  connected: boolean;
  latency_ms: number | null;
  broker_info: Record<string, unknown>;
  tested_from: string;
  stages: StageResult[];
  diagnosis: { stage: TestStage; code: string; cause: string; advice: string } | null;
  warnings?: Warning[];
}

export interface ReconnectOutcome {
  id: string;
  state: 'pending' | 'done';
  instances: {
    instance_id: string;
    /** `gone`: its heartbeat stopped before it told. */
    outcome: 'pending' | 'reconnected' | 'failed' | 'gone';
    reason: string | null;
  }[];
}

export interface ConnectionEvent {
  id: number;
  at: string;
  instance_id: string | null;
  type: string;
  broker: string | null;
  detail: Record<string, unknown>;
}

/** Traffic of a product in one stretch of time. */
export interface MetricPoint {
  at: string;
  messages_received: number;
  deliveries_succeeded: number;
  deliveries_failed: number;
  actions_executed: number;
  actions_failed: number;
  latency_p50_ms: number | null;
  latency_p95_ms: number | null;
  latency_p99_ms: number | null;
}

export interface Metrics {
  product_id: number;
  from: string;
  to: string;
  /** Width of each point. */
  width_s: number;
  points: MetricPoint[];
}

export interface ProductOverview {
  product_id: number;
  name: string;
  slug: string;
  enabled: boolean;
  state: ConnectionState;
  connected: boolean;
  connection_error: string | null;
  desired_revision: number;
  applied_revision: number | null;
  messages_received: number;
  last_message_at: string | null;
  /** Messages a second over the last minute. */
  rate_1m: number;
  /** Messages in each 10 s of the last 10 minutes, oldest first. */
  sparkline: number[];
}

export interface UptimeWindow {
  window: '24h' | '7d' | '30d';
  connected_s: number;
  disconnected_s: number;
  unknown_s: number;
  /** 0–1; null when nothing is known of the time. */
  uptime: number | null;
  interruptions: number;
}

export interface Uptime {
  product_id: number;
  windows: UptimeWindow[];
}

export type DeliveryState = 'retrying' | 'in_flight' | 'dead';

export interface Delivery {
  id: string;
  delivery_id: string;
  product_id: number;
  subscription_id: number;
  /** null when the subscription is deleted. */
  subscription_name: string | null;
  state: DeliveryState;
  topic: string;
  message_id: string;
  received_at: string;
  queued_at: string;
  died_at: string | null;
  next_try_at: string | null;
  error: string | null;
  attempts_made: number;
  payload_bytes: number;
}

export interface DeliveryPage extends Page<Delivery> {
  /** False: the queue is too long to be looked through; `total` is a lower bound. */
  complete: boolean;
}

export interface DeliveryAttempt {
  at: string;
  action_id: string;
  outcome: 'succeeded' | 'failed' | 'permanent' | 'deferred';
  status: number | null;
  error: string | null;
  response_excerpt: string | null;
  duration_ms: number;
}

export interface DeliveryDetail extends Delivery {
  payload_base64: string;
  /** null when the payload is not UTF-8. */
  payload_text: string | null;
  qos: QoS;
  retain: boolean;
  user_properties: Record<string, string | string[]>;
  content_type: string | null;
  succeeded_actions: string[];
  failed_actions: { action_id: string; error: string }[];
  attempts: DeliveryAttempt[];
}

export interface DeliveryCounts {
  waiting: number;
  active: number;
  dead: number;
}

/** A bulk operation under way or ended. */
export interface Operation {
  id: string;
  kind: 'retry_deliveries' | 'purge_deliveries';
  state: string;
  /** null until they are counted. */
  total: number | null;
  done: number;
  /** Those that were gone or just being worked when their turn came. */
  failed: number;
  error: string | null;
  finished_at: string | null;
}

/** A broker to fail over to. */
export interface FurtherBroker extends Broker {
  id: number;
  name: string;
  /** From 1, in order of preference after the first broker. */
  position: number;
  /** Ids of the live instances that are connected to it. */
  in_use_by: string[];
}

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

export interface ActionType {
  type: string;
  title: string;
  description: string;
  schema: JsonSchema;
}

export interface AuditEntry {
  id: string;
  created_at: string;
  actor_kind: 'user' | 'listener' | 'system';
  actor_id: number | null;
  actor_name: string;
  ip: string | null;
  request_id: string | null;
  /** `<entity_type>.<verb>`, such as `mqtt_config.update`. */
  action: string;
  entity_type: string;
  entity_id: string | null;
  product_id: number | null;
  /** Only the fields that changed; secrets as `[redacted]`. */
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

/** A bearer token, of a user or of a listener; `token` is there only in the answer that made it. */
export interface Token {
  id: number;
  name: string;
  /** The token's beginning. */
  hint?: string;
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
  created_at: string;
  token?: string;
}

export interface ProductSecret {
  name: string;
  /** Ids of the subscriptions whose actions name it. */
  used_by: number[];
  created_at: string;
  updated_at: string;
}

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
