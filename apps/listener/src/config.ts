import { hostname } from 'node:os';
import { type CrossFieldCheck, Env } from '@cortex-mqtt/environment';
import { LOG_LEVELS, type LogLevel } from '@cortex-mqtt/observability';
import { SAMPLERS, type SamplerName } from './tracing/sampler';

/** Everything a listener is told from outside. Nothing else reads the environment. */
export class ListenerConfig implements CrossFieldCheck {
  static title = 'Listener';
  static prefixes = ['ORCHESTRATOR_', 'LISTENER_', 'MQTT_', 'LOG_', 'QUEUE_', 'EGRESS_'];

  @Env('ORCHESTRATOR_URL', {
    type: 'url',
    protocols: ['http', 'https'],
    example: 'https://mqtt.example.com',
    doc: 'Where the configuration comes from; without it only the MQTT_ variables count',
  })
  orchestratorUrl?: string;

  @Env('LISTENER_TOKEN', { secret: true, doc: 'Token of the product; needed with ORCHESTRATOR_URL' })
  listenerToken?: string;

  @Env('INSTANCE_ID', {
    pattern: { regex: /^[A-Za-z0-9_-]{1,64}$/, message: 'must be 1–64 of A-Z a-z 0-9 _ -' },
    doc: 'Stable name of this process among its product’s listeners; the host name by default',
  })
  givenInstanceId?: string;

  @Env('QUEUE_URL', {
    type: 'url',
    protocols: ['redis', 'rediss', 'postgres', 'postgresql'],
    secret: true,
    doc: 'Queue for control jobs, handover and retries; without it the broker alone holds what is unfinished',
  })
  queueUrl?: string;

  @Env('DATA_DIR', { type: 'path', default: '.data/listener', doc: 'Where the last known good configuration is kept' })
  dataDir: string;

  @Env('POLL_INTERVAL', {
    type: 'duration_ms',
    default: 30_000,
    min: 1_000,
    max: 3_600_000,
    doc: 'How often the configuration is asked for, besides control jobs',
  })
  pollInterval_ms: number;

  @Env('HEARTBEAT_INTERVAL', {
    type: 'duration_ms',
    default: 5_000,
    min: 500,
    max: 60_000,
    doc: 'How often status is posted at least, besides changes; the orchestrator may ask for it more often',
  })
  heartbeatInterval_ms: number;

  @Env('STOP_TIMEOUT', {
    type: 'duration_ms',
    default: 10_000,
    min: 0,
    max: 300_000,
    doc: 'How long a shutdown waits for what is in flight',
  })
  stopTimeout_ms: number;

  @Env('MAX_IN_FLIGHT', {
    type: 'integer',
    default: 1_024,
    min: 1,
    max: 65_535,
    doc: 'Messages that may be unacknowledged at once',
  })
  maxInFlight: number;

  @Env('DEAD_LETTERS_MAX', {
    type: 'integer',
    default: 50_000,
    min: 1,
    max: 1_000_000,
    doc: 'Dead letters of the product that the queue keeps',
  })
  deadLettersMax: number;

  @Env('DEAD_LETTERS_MAX_MB', {
    type: 'integer',
    default: 100,
    min: 1,
    max: 1_000_000,
    doc: 'Megabytes that they may take',
  })
  deadLettersMaxMb: number;

  @Env('DEAD_LETTERS_WHEN_FULL', {
    oneOf: ['drop_oldest', 'hold'],
    default: 'drop_oldest',
    doc: 'At the bound: drop the oldest, or let the broker hold what would become one',
  })
  deadLettersWhenFull: 'drop_oldest' | 'hold';

  @Env('MAX_PAYLOAD_BYTES', {
    type: 'integer',
    default: 20 * 1024 * 1024,
    min: 1_024,
    max: 268_435_455,
    doc: 'Largest payload that is taken; larger ones are discarded and counted',
  })
  maxPayloadBytes: number;

  @Env('HEALTH_HOST', { default: '127.0.0.1', doc: 'Address of the health and metrics server' })
  healthHost: string;

  @Env('HEALTH_PORT', {
    type: 'integer',
    default: 8005,
    min: 0,
    max: 65_535,
    doc: 'Port of /livez, /readyz, /healthz and /metrics; 0 takes a free one',
  })
  healthPort: number;

  @Env('EGRESS_ALLOW', {
    type: 'list',
    default: [],
    example: 'private',
    doc: 'Private networks and hosts that brokers and webhooks may be on: CIDR, IP, host, *.suffix, private, loopback',
  })
  egressAllow: readonly string[];

  @Env('LOG_LEVEL', { oneOf: LOG_LEVELS, default: 'info', doc: 'Least level that is logged' })
  logLevel: LogLevel;

  @Env('LOG_FORMAT', { oneOf: ['auto', 'json', 'pretty'], default: 'auto', doc: 'auto is pretty on a terminal' })
  logFormat: 'auto' | 'json' | 'pretty';

  @Env('LOG_FILE', { type: 'path', doc: 'Additional rotating log file' })
  logFile?: string;

  @Env('MQTT_EVENT_LOG', { type: 'path', doc: 'Rotating file with a line per message and its outcome' })
  eventLog?: string;

  @Env('MQTT_HOST', { section: 'Listener without orchestrator', doc: 'Broker to use without an orchestrator' })
  mqttHost?: string;

  @Env('MQTT_PORT', {
    type: 'integer',
    default: 1883,
    min: 1,
    max: 65_535,
    section: 'Listener without orchestrator',
    doc: 'Port of the broker',
  })
  mqttPort: number;

  @Env('MQTT_USE_TLS', {
    type: 'boolean',
    default: false,
    section: 'Listener without orchestrator',
    doc: 'TLS to the broker',
  })
  mqttUseTls: boolean;

  @Env('MQTT_VERIFY_CERT', {
    type: 'boolean',
    default: true,
    section: 'Listener without orchestrator',
    doc: 'Whether the broker’s certificate is checked',
  })
  mqttVerifyCert: boolean;

  @Env('MQTT_USERNAME', { section: 'Listener without orchestrator', doc: 'User name at the broker' })
  mqttUsername?: string;

  @Env('MQTT_PASSWORD', { secret: true, section: 'Listener without orchestrator', doc: 'Password at the broker' })
  mqttPassword?: string;

  @Env('MQTT_CLIENT_ID', { section: 'Listener without orchestrator', doc: 'Client id; derived and stable by default' })
  mqttClientId?: string;

  @Env('MQTT_KEEP_ALIVE', {
    type: 'integer',
    default: 60,
    min: 0,
    max: 65_535,
    section: 'Listener without orchestrator',
    doc: 'Keep-alive, seconds',
  })
  mqttKeepAlive_s: number;

  @Env('MQTT_CONNECTIONS', {
    oneOf: ['several', 'one'],
    default: 'several',
    section: 'Listener without orchestrator',
    doc: 'one: nothing but the session connects to the broker',
  })
  mqttConnections: 'several' | 'one';

  @Env('MQTT_CLEAN_SESSION', {
    type: 'boolean',
    default: false,
    section: 'Listener without orchestrator',
    doc: 'true forgets what arrived while away',
  })
  mqttCleanSession: boolean;

  @Env('MQTT_TOPIC_PREFIX', { section: 'Listener without orchestrator', doc: 'Prefix of all topics' })
  mqttTopicPrefix?: string;

  @Env('MQTT_TOPIC_PATTERN', { section: 'Listener without orchestrator', doc: 'Pattern between prefix and topic' })
  mqttTopicPattern?: string;

  @Env('MQTT_SHARED_GROUP', { section: 'Listener without orchestrator', doc: 'Group of shared subscriptions' })
  mqttSharedGroup?: string;

  @Env('MQTT_QOS', {
    type: 'integer',
    default: 1,
    min: 0,
    max: 2,
    section: 'Listener without orchestrator',
    doc: 'QoS of the subscriptions',
  })
  mqttQos: number;

  @Env('MQTT_SUBSCRIPTIONS', {
    section: 'Listener without orchestrator',
    example: '[{"name":"orders","topic":"orders/#","actions":[{"type":"log"}]}]',
    doc: 'Subscriptions with their actions, JSON; all topics with a log action by default',
  })
  mqttSubscriptions?: string;

  @Env('PRODUCT_ID', {
    type: 'integer',
    default: 1,
    min: 1,
    section: 'Listener without orchestrator',
    doc: 'Id of the product in envelopes and queue names',
  })
  productId: number;

  @Env('OTEL_EXPORTER_OTLP_ENDPOINT', {
    type: 'url',
    protocols: ['http', 'https'],
    section: 'Traces',
    example: 'http://otel-collector:4318',
    doc: 'Base address of an OTLP/HTTP collector; without it nothing is traced',
  })
  otlpEndpoint?: string;

  @Env('OTEL_EXPORTER_OTLP_HEADERS', {
    secret: true,
    section: 'Traces',
    doc: 'Headers for the collector: name=value,name=value, percent-encoded',
  })
  otlpHeaders?: string;

  @Env('OTEL_SERVICE_NAME', { section: 'Traces', default: 'cortex-mqtt-listener', doc: 'service.name of the spans' })
  otelServiceName: string;

  @Env('OTEL_RESOURCE_ATTRIBUTES', {
    section: 'Traces',
    example: 'deployment.environment.name=production',
    doc: 'More attributes of the resource: name=value,name=value, percent-encoded',
  })
  otelResourceAttributes?: string;

  @Env('OTEL_TRACES_SAMPLER', {
    oneOf: SAMPLERS,
    default: 'parentbased_always_on',
    section: 'Traces',
    doc: 'Which deliveries are exported, by the names of OpenTelemetry; those that fail always are',
  })
  tracesSampler: SamplerName;

  @Env('OTEL_TRACES_SAMPLER_ARG', {
    pattern: { regex: /^(?:0(?:\.\d+)?|1(?:\.0+)?|\.\d+)$/, message: 'must be a share from 0 to 1' },
    default: '1',
    section: 'Traces',
    doc: 'Share of the traces for a traceidratio sampler, from 0 to 1',
  })
  tracesSamplerArg: string;

  get instanceId(): string {
    return (
      this.givenInstanceId ??
      (hostname()
        .replace(/[^A-Za-z0-9_-]/g, '-')
        .slice(0, 64) ||
        'listener')
    );
  }

  check(): { variable: string; message: string }[] {
    const faults: { variable: string; message: string }[] = [];
    if (this.orchestratorUrl !== undefined && this.listenerToken === undefined) {
      faults.push({ variable: 'LISTENER_TOKEN', message: 'is needed with ORCHESTRATOR_URL' });
    }
    if (this.orchestratorUrl === undefined && this.mqttHost === undefined) {
      faults.push({
        variable: 'ORCHESTRATOR_URL',
        message: 'is not set, and MQTT_HOST neither: there is nothing to listen to',
      });
    }
    return faults;
  }
}
