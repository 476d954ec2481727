import { isIP } from 'node:net';
import { createEgressPolicy, EgressAllowError } from '@cortex-mqtt/egress';
import { type CrossFieldCheck, Env } from '@cortex-mqtt/environment';
import { LOG_LEVELS, type LogLevel } from '@cortex-mqtt/observability';
import { isPlaceholderKey } from '@cortex-mqtt/secrets';
import { type OidcProvider, parseProviders } from './features/oidc/provider-settings';

export const LISTENER_RUNTIMES = ['none', 'process', 'docker', 'kubernetes'] as const;
export type ListenerRuntimeKind = (typeof LISTENER_RUNTIMES)[number];

const POSTGRES = ['postgres', 'postgresql'] as const;
const WELL_KNOWN_PASSWORDS = /^(admin|password|passw0rd|changeme|change-me|secret|cortex|demo|test|letmein)[\d!.-]*$/i;

/** Everything the orchestrator is told from outside. Nothing else reads the environment. */
export class OrchestratorConfig implements CrossFieldCheck {
  static title = 'Orchestrator';
  static prefixes = [
    'MQTT_PASSWORD_',
    'ADMIN_',
    'SESSION_',
    'OIDC_',
    'SSO_',
    'LOG_',
    'LISTENER_',
    'DOCKER_',
    'KUBERNETES_API_',
    'KUBERNETES_SERVICE_ACCOUNT_',
    'DATABASE_',
    'ARCHIVE_',
    'QUEUE_',
    'EGRESS_',
    'PROVISIONING_',
  ];

  @Env('NODE_ENV', {
    oneOf: ['production', 'development', 'test'],
    default: 'production',
    doc: 'production refuses dangerous settings; so does leaving it out',
  })
  nodeEnv: string;

  @Env('HOST', { default: '127.0.0.1', doc: 'Address that the API listens on; 0.0.0.0 in a container' })
  host: string;

  @Env('PORT', {
    type: 'integer',
    default: 8004,
    min: 0,
    max: 65_535,
    doc: 'Port of API and console; 0 takes a free one',
  })
  port: number;

  @Env('PUBLIC_URL', {
    type: 'url',
    protocols: ['http', 'https'],
    example: 'https://mqtt.example.com',
    doc: 'Where browsers reach the console; https makes cookies Secure. Without it http://localhost and the port',
  })
  publicUrl?: string;

  @Env('TRUST_PROXY', {
    type: 'list',
    default: [],
    example: 'loopback,10.0.0.0/8',
    doc: 'Addresses or subnets of reverse proxies whose X-Forwarded-For is believed',
  })
  trustProxy: readonly string[];

  @Env('DATABASE_URL', { type: 'url', protocols: POSTGRES, required: true, doc: 'PostgreSQL' })
  databaseUrl: string;

  @Env('DATABASE_POOL_SIZE', { type: 'integer', default: 10, min: 2, max: 200, doc: 'Connections to PostgreSQL' })
  databasePoolSize: number;

  @Env('DATABASE_WAIT', {
    type: 'duration_ms',
    default: 120_000,
    max: 3_600_000,
    doc: 'How long a start waits for PostgreSQL before it gives up',
  })
  databaseWait_ms: number;

  @Env('ARCHIVE_DATABASE_URL', {
    type: 'url',
    protocols: POSTGRES,
    doc: 'PostgreSQL for recorded messages, where one is not enough; without it DATABASE_URL',
  })
  archiveDatabaseUrl?: string;

  @Env('QUEUE_URL', {
    type: 'url',
    protocols: ['redis', 'rediss', ...POSTGRES],
    example: 'redis://localhost:6379',
    doc: 'Queues, on Redis or PostgreSQL; without it those of DATABASE_URL',
  })
  queueUrl?: string;

  @Env('MQTT_PASSWORD_ENCRYPTION_KEY', {
    type: 'key',
    secret: true,
    required: true,
    doc: 'Encrypts broker passwords, keys and product secrets: openssl rand -base64 32',
  })
  encryptionKey: string;

  @Env('MQTT_PASSWORD_ENCRYPTION_KEYS_OLD', {
    type: 'list',
    items: 'key',
    secret: true,
    default: [],
    doc: 'Former keys, to decrypt with until scripts/rotate-keys has run',
  })
  oldEncryptionKeys: readonly string[];

  @Env('ADMIN_EMAIL', {
    example: 'admin@example.com',
    pattern: { regex: /^[^\s@]+@[^\s@]+$/, message: 'must be an e-mail address' },
    doc: 'First administrator, made at start while there is no user',
  })
  adminEmail?: string;

  @Env('ADMIN_PASSWORD', { secret: true, minLength: 12, doc: 'Password of the first administrator' })
  adminPassword?: string;

  @Env('SESSION_TTL', {
    type: 'duration_ms',
    default: 43_200_000,
    min: 60_000,
    max: 2_592_000_000,
    doc: 'Idle time after which one must sign in again',
  })
  sessionTtl_ms: number;

  @Env('OIDC_PROVIDERS', {
    secret: true,
    doc: 'OpenID Connect providers to sign in with, as JSON: docs/sign-in.md',
  })
  oidcProvidersText?: string;

  @Env('SSO_ONLY', {
    type: 'boolean',
    default: false,
    doc: 'Passwords open nothing but the account of SSO_BREAK_GLASS_EMAIL; everybody else signs in with a provider',
  })
  ssoOnly: boolean;

  @Env('SSO_BREAK_GLASS_EMAIL', {
    example: 'admin@example.com',
    pattern: { regex: /^[^\s@]+@[^\s@]+$/, message: 'must be an e-mail address' },
    doc: 'Local account for the day on which no provider works; ADMIN_EMAIL when not set',
  })
  ssoBreakGlassEmail?: string;

  @Env('METRICS_TOKEN', { secret: true, minLength: 16, doc: 'Bearer token that /metrics asks for; without it none' })
  metricsToken?: string;

  @Env('EGRESS_ALLOW', {
    type: 'list',
    default: [],
    example: 'loopback,10.0.0.0/8,broker.internal',
    doc: 'Private addresses, subnets or hosts that brokers and webhooks may be at; public ones always may',
  })
  egressAllow: readonly string[];

  @Env('DEAD_LETTERS_MAX', {
    type: 'integer',
    min: 1,
    max: 1_000_000,
    doc: 'For listeners that are started here: dead letters of a product that the queue keeps',
  })
  deadLettersMax?: number;

  @Env('DEAD_LETTERS_MAX_MB', {
    type: 'integer',
    min: 1,
    max: 1_000_000,
    doc: 'For listeners that are started here: megabytes that they may take',
  })
  deadLettersMaxMb?: number;

  @Env('DEAD_LETTERS_WHEN_FULL', {
    oneOf: ['drop_oldest', 'hold'],
    doc: 'For listeners that are started here: at the bound drop the oldest, or let the broker hold',
  })
  deadLettersWhenFull?: 'drop_oldest' | 'hold';

  @Env('MAX_PAYLOAD_BYTES', {
    type: 'integer',
    min: 1_024,
    max: 268_435_455,
    doc: 'For listeners that are started here: largest payload that is taken',
  })
  maxPayloadBytes?: number;

  @Env('LISTENER_RUNTIME', {
    oneOf: LISTENER_RUNTIMES,
    default: 'none',
    doc: 'process starts a listener process for each enabled product, docker containers, kubernetes a StatefulSet; none = they are run elsewhere',
  })
  listenerRuntime: ListenerRuntimeKind;

  @Env('DOCKER_HOST', {
    default: 'unix:///var/run/docker.sock',
    pattern: { regex: /^(unix:\/\/\/|tcp:\/\/|http:\/\/)/, message: 'must begin with unix:///, tcp:// or http://' },
    doc: 'Docker engine of LISTENER_RUNTIME=docker',
  })
  dockerHost: string;

  @Env('KUBERNETES_API_URL', {
    type: 'url',
    protocols: ['https', 'http'],
    default: 'https://kubernetes.default.svc',
    doc: 'API server of LISTENER_RUNTIME=kubernetes',
  })
  kubernetesApiUrl: string;

  @Env('KUBERNETES_SERVICE_ACCOUNT_DIR', {
    type: 'path',
    default: '/var/run/secrets/kubernetes.io/serviceaccount',
    doc: 'Folder with token, ca.crt and namespace, as Kubernetes mounts it',
  })
  kubernetesServiceAccountDir: string;

  @Env('LISTENER_NAMESPACE', { doc: 'Namespace of listener pods; that of the service account when not set' })
  listenerNamespace?: string;

  @Env('LISTENER_OWNER_DEPLOYMENT', {
    doc: 'Deployment that listener pods belong to and go with; they stay without one when not set',
  })
  listenerOwnerDeployment?: string;

  @Env('LISTENER_IMAGE_PULL_SECRET', { doc: 'Secret with which the image of listener pods is pulled' })
  listenerImagePullSecret?: string;

  @Env('LISTENER_STORAGE_CLASS', { doc: 'Storage class of the volumes of listener pods; the default one when not set' })
  listenerStorageClass?: string;

  @Env('LISTENER_VOLUME_MB', {
    type: 'integer',
    default: 256,
    min: 16,
    max: 1_048_576,
    doc: 'Size of the volume of a listener pod',
  })
  listenerVolume_mb: number;

  @Env('LISTENER_KEDA_AUTHENTICATION', {
    doc: 'TriggerAuthentication with an API token; with it KEDA scales the listeners of products that share their load',
  })
  listenerKedaAuthentication?: string;

  @Env('LISTENER_IMAGE', { default: 'cortex-mqtt/listener', doc: 'Image of listener containers and pods' })
  listenerImage: string;

  @Env('LISTENER_NETWORK', { doc: 'Docker network of listener containers; the default one when not set' })
  listenerNetwork?: string;

  @Env('LISTENER_MEMORY_MB', {
    type: 'integer',
    default: 256,
    min: 64,
    max: 65_536,
    doc: 'Memory that a listener container may use',
  })
  listenerMemory_mb: number;

  @Env('LISTENER_MILLICPUS', {
    type: 'integer',
    default: 1_000,
    min: 50,
    max: 64_000,
    doc: 'Thousandths of a CPU that a listener container may use',
  })
  listenerMillicpus: number;

  @Env('LISTENER_ORCHESTRATOR_URL', {
    type: 'url',
    protocols: ['http', 'https'],
    default: 'http://orchestrator:8004',
    doc: 'Where listener containers reach this orchestrator',
  })
  listenerOrchestratorUrl: string;

  @Env('LISTENER_QUEUE_URL', {
    type: 'url',
    protocols: ['redis', 'rediss', ...POSTGRES],
    doc: 'QUEUE_URL of listeners that are started here, by a user that sees the queues only; without it QUEUE_URL, on PostgreSQL by a role made for it',
  })
  listenerQueueUrl?: string;

  @Env('LISTENER_INSTALLATION', {
    default: 'default',
    pattern: { regex: /^[a-z0-9][a-z0-9-]{0,40}$/, message: 'must be up to 41 of a-z 0-9 -' },
    doc: 'Sets listener containers of this orchestrator apart from those of others on one engine',
  })
  listenerInstallation: string;

  @Env('STALE_AFTER', {
    type: 'duration_ms',
    default: 15_000,
    min: 1_000,
    max: 3_600_000,
    doc: 'Silence after which a listener counts as gone; it reports every 5 s',
  })
  staleAfter_ms: number;

  @Env('ADOPT_SESSIONS_AFTER', {
    type: 'duration_ms',
    default: 60_000,
    max: 86_400_000,
    doc: 'Silence after which another member of a shared group delivers what waits in the session of one; 0 = never',
  })
  adoptSessionsAfter_ms: number;

  @Env('AUDIT_KEPT_DAYS', {
    type: 'integer',
    default: 365,
    min: 0,
    max: 36_500,
    doc: 'Days that entries of the audit log are kept; 0 = for ever',
  })
  auditKept_days: number;

  @Env('SHUTDOWN_TIMEOUT', {
    type: 'duration_ms',
    default: 10_000,
    min: 100,
    max: 600_000,
    doc: 'How long a stop waits for requests and jobs that are under way',
  })
  shutdownTimeout_ms: number;

  @Env('DATA_DIR', { type: 'path', default: '.data', doc: 'Files of the listeners that this orchestrator starts' })
  dataDir: string;

  @Env('PROVISIONING_DIR', {
    type: 'path',
    doc: 'Folder of configuration files that are applied at start and whenever they change; see docs/configuration-as-code.md',
  })
  provisioningDir?: string;

  @Env('PROVISIONING_PRUNE', {
    type: 'boolean',
    default: false,
    doc: 'Whether what the files leave out is deleted: parts of their products, and other products with their managed_by',
  })
  provisioningPrune: boolean;

  @Env('INSTALLATION_ID', {
    pattern: { regex: /^[\w.-]{1,100}$/, message: 'must be 1–100 of letters, digits, _ . -' },
    doc: 'Name of this installation, such as "production". A database that belongs to another one is kept apart: a copy of it must not act',
  })
  installationId?: string;

  @Env('CONSOLE_DIR', { type: 'path', doc: 'Folder of the built console; apps/console/dist when not set' })
  consoleDir?: string;

  @Env('LOG_LEVEL', { oneOf: LOG_LEVELS, default: 'info', doc: 'Least severe level that is logged' })
  logLevel: LogLevel;

  @Env('LOG_FORMAT', {
    oneOf: ['auto', 'json', 'pretty'],
    default: 'auto',
    doc: 'auto is readable at a terminal and JSON elsewhere',
  })
  logFormat: 'auto' | 'json' | 'pretty';

  @Env('LOG_FILE', { type: 'path', doc: 'Rotating log file, beside standard output' })
  logFile?: string;

  @Env('OTEL_EXPORTER_OTLP_ENDPOINT', {
    section: 'Traces of listeners that are started here',
    type: 'url',
    protocols: ['http', 'https'],
    example: 'http://otel-collector:4318',
    doc: 'Base address of an OTLP/HTTP collector; without it nothing is traced',
  })
  otlpEndpoint?: string;

  @Env('OTEL_EXPORTER_OTLP_HEADERS', {
    section: 'Traces of listeners that are started here',
    secret: true,
    doc: 'Headers for the collector: name=value,name=value, percent-encoded',
  })
  otlpHeaders?: string;

  @Env('OTEL_RESOURCE_ATTRIBUTES', {
    section: 'Traces of listeners that are started here',
    example: 'deployment.environment.name=production',
    doc: 'Attributes of the resource: name=value,name=value, percent-encoded',
  })
  otelResourceAttributes?: string;

  @Env('OTEL_TRACES_SAMPLER', {
    section: 'Traces of listeners that are started here',
    example: 'parentbased_traceidratio',
    doc: 'Which deliveries are exported, by the names of OpenTelemetry; those that fail always are',
  })
  tracesSampler?: string;

  @Env('OTEL_TRACES_SAMPLER_ARG', {
    section: 'Traces of listeners that are started here',
    example: '0.01',
    doc: 'Share of the traces for a traceidratio sampler, from 0 to 1',
  })
  tracesSamplerArg?: string;

  get isProduction(): boolean {
    return this.nodeEnv === 'production';
  }

  /** Where jobs live: the database itself unless told otherwise. */
  get effectiveQueueUrl(): string {
    return this.queueUrl ?? this.databaseUrl;
  }

  /** Where people may sign in; faulty settings are refused at the start. */
  get oidcProviders(): OidcProvider[] {
    return this.readProviders().providers;
  }

  /** Lower case, as stored. */
  get breakGlassEmail(): string | null {
    return (this.ssoBreakGlassEmail ?? this.adminEmail)?.toLowerCase() ?? null;
  }

  private readProviders(): ReturnType<typeof parseProviders> {
    return parseProviders(this.oidcProvidersText ?? '[]', { is_production: this.isProduction });
  }

  check(): { variable: string; message: string }[] {
    const faults: { variable: string; message: string }[] = [];
    const refuse = (variable: string, message: string) => faults.push({ variable, message });
    if ((this.adminEmail === undefined) !== (this.adminPassword === undefined)) {
      refuse(
        this.adminEmail === undefined ? 'ADMIN_EMAIL' : 'ADMIN_PASSWORD',
        'is needed with the other one of the two',
      );
    }
    try {
      createEgressPolicy({ allow: this.egressAllow });
    } catch (error) {
      if (!(error instanceof EgressAllowError)) throw error;
      refuse('EGRESS_ALLOW', error.message);
    }
    const unknown_proxies = this.trustProxy.filter((entry) => !isProxy(entry));
    if (unknown_proxies.length > 0) {
      refuse(
        'TRUST_PROXY',
        `has what is neither an address, a subnet, loopback, linklocal nor uniquelocal: ${unknown_proxies.join(', ')}`,
      );
    }
    const { providers, faults: provider_faults } = this.readProviders();
    for (const fault of provider_faults) refuse('OIDC_PROVIDERS', fault);
    if (providers.length > 0 && this.publicUrl === undefined) {
      refuse('PUBLIC_URL', 'is needed with OIDC_PROVIDERS: providers send browsers back to it');
    }
    if (this.ssoOnly && providers.length === 0 && provider_faults.length === 0) {
      refuse('SSO_ONLY', 'needs a provider in OIDC_PROVIDERS');
    }
    if (this.ssoOnly && this.breakGlassEmail === null) {
      refuse('SSO_BREAK_GLASS_EMAIL', 'is needed with SSO_ONLY: nobody could sign in while no provider works');
    }
    if (this.isProduction) {
      if (isPlaceholderKey(this.encryptionKey)) {
        refuse('MQTT_PASSWORD_ENCRYPTION_KEY', 'is a placeholder; make one: openssl rand -base64 32');
      }
      if (this.adminPassword !== undefined && WELL_KNOWN_PASSWORDS.test(this.adminPassword)) {
        refuse('ADMIN_PASSWORD', 'is a well-known password');
      }
      if (this.egressAllow.some((entry) => /^(0\.0\.0\.0|::)\/0$|^\*$/.test(entry))) {
        refuse('EGRESS_ALLOW', 'must not allow every address; list the private ones that are needed');
      }
      if (this.trustProxy.some((entry) => /^(0\.0\.0\.0|::)\/0$|^\*$|^true$/.test(entry))) {
        refuse('TRUST_PROXY', 'must not trust everybody; list the proxies');
      }
    }
    return faults;
  }
}

/** What Express takes in `trust proxy`. */
function isProxy(entry: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(entry)) return true;
  const [address = '', bits, ...rest] = entry.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
