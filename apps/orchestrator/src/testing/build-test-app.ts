import { randomBytes } from 'node:crypto';
import { createExpressionEngine } from '@cortex-mqtt/expressions';
import { createEgressPolicy } from '@cortex-mqtt/egress';
import { discoverTopics } from '@cortex-mqtt/mqtt';
import { createLogger, createMetrics, createRedactor, type Metrics, type RootLogger } from '@cortex-mqtt/observability';
import { createQueueBackend, type QueueBackend, silentQueueLogger } from '@cortex-mqtt/queues';
import { generateKey, generateToken, KeyRing } from '@cortex-mqtt/secrets';
import type { TestDatabase } from '@cortex-mqtt/testing';
import type { Express } from 'express';
import request, { type Test } from 'supertest';
import type { DataSource } from 'typeorm';
import { type AppDeps, createApp } from '../app';
import { createDataSource } from '../database/data-source';
import { buildFeatures, type Features, type SingleSignOnSettings } from '../features';
import { ApiTokenEntity } from '../features/api-tokens/api-token.entity';
import { createPasswordWork, type PasswordWork } from '../features/auth/password-work';
import { csrfTokenOf } from '../features/auth/session-cookies';
import { ListenerTokenEntity } from '../features/listener-tokens/listener-token.entity';
import { buildOpenApi } from '../http/openapi';
import { type Role, SCOPES, type Scope } from '../http/principal';
import type { HttpMethod, Route } from '../http/route';
import { UserEntity } from '../model/user.entity';
import { UserProductEntity } from '../model/user-product.entity';
import { createContractWatch } from './contract-watch';
import { createMigratedDatabase } from './test-database';

export interface TestAppOptions {
  /** false: handlers are replaced, so answers are not those of the API's description. */
  checks_contract?: false;
  /** A database to use; one of its own, migrated, when absent. */
  database?: TestDatabase;
  queues?: QueueBackend;
  public_url?: string;
  session_ttl_ms?: number;
  single_sign_on?: Partial<SingleSignOnSettings>;
  stream_recheck_ms?: number;
  stale_after_ms?: number;
  logger?: RootLogger;
  passwords?: PasswordWork;
  mounts?: (parts: { features: Features; dataSource: DataSource; queues: QueueBackend }) => AppDeps['mounts'];
  fallbacks?: AppDeps['fallbacks'];
  extra_routes?: Route[];
}

/** What a test user and its API token may do, where it matters. */
export interface TestGrants {
  all_products?: boolean;
  may_read_payloads?: boolean;
  scopes?: Scope[];
  token_product_ids?: number[];
}

/** A client that sends a bearer token. */
export type Client = (method: HttpMethod, path: string) => Test;

export interface TestApp {
  app: Express;
  dataSource: DataSource;
  database: TestDatabase;
  features: Features;
  queues: QueueBackend;
  keyRing: KeyRing;
  metrics: Metrics;
  /** Without any credential. */
  anonymous: Client;
  /** A new user of this role with an API token. A viewer without a list of products sees them all. */
  client(role: Role, product_ids?: number[], grants?: TestGrants): Promise<Client & { user_id: number; token: string }>;
  /** A user who is signed in; writes carry the CSRF token. */
  session(user_id: number): Promise<Client & { token: string; headers: Record<string, string> }>;
  /** A listener of a product. */
  listener(product_id: number): Promise<Client & { token: string }>;
  /** A client with any bearer token. */
  bearer(token: string): Client;
  /** A new product by way of the API. */
  product(overrides?: Record<string, unknown>): Promise<{ id: number; slug: string; name: string }>;
  close(): Promise<void>;
}

/** Password of users that are made by way of the API. */
export const TEST_PASSWORD = 'correct horse battery staple';

let made = 0;

/** The whole API on a real Postgres, without a port. */
export async function buildTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const database = options.database ?? (await createMigratedDatabase());
  const dataSource = createDataSource({ url: database.url, poolSize: 8 });
  await dataSource.initialize();
  const queues =
    options.queues ?? createQueueBackend({ url: database.url, logger: silentQueueLogger, limit_ms: 10_000 });
  const engine = createExpressionEngine();
  const keyRing = KeyRing.parse(generateKey());
  const logger =
    options.logger ??
    createLogger({
      service: 'orchestrator',
      version: 'test',
      redactor: createRedactor(),
      level: process.env.TEST_LOG === undefined ? 'error' : 'debug',
      destination: process.stderr,
    });
  const metrics = createMetrics({ service: 'orchestrator' });
  const features = buildFeatures({
    dataSource,
    database_url: database.url,
    queues,
    archive: dataSource,
    discover: (wanted) => discoverTopics(wanted, { egress: createEgressPolicy({ allow: ['loopback'] }) }),
    engine,
    secretBox: keyRing,
    egress: createEgressPolicy({ allow: ['loopback'] }),
    link_key: randomBytes(32),
    console_url: options.public_url ?? 'http://localhost:8004',
    passwords: options.passwords ?? createPasswordWork(),
    logger,
    public_url: options.public_url,
    session_ttl_ms: options.session_ttl_ms ?? 3_600_000,
    single_sign_on: {
      providers: [],
      is_only: false,
      break_glass_email: null,
      key: randomBytes(32),
      ...options.single_sign_on,
    },
    stale_after_ms: options.stale_after_ms ?? 15_000,
    adopt_after_ms: 60_000,
    onProductsChanged: () => {},
  });
  const routes = [...features.routes, ...(options.extra_routes ?? [])];
  const contract = createContractWatch(features.routes);
  const app = createApp({
    logger,
    open_api: buildOpenApi({ routes, version: 'test' }),
    routes,
    authenticate: features.authenticate,
    identifyAgain: features.identifyAgain,
    idempotentRequests: features.idempotentRequests,
    stream_recheck_ms: options.stream_recheck_ms,
    strictLimiter: (_request, _response, next) => next(),
    trust_proxy: [],
    public_url: options.public_url,
    mounts: [{ path: '/', handler: contract.watch }, ...(options.mounts?.({ features, dataSource, queues }) ?? [])],
    fallbacks: options.fallbacks,
  });

  const anonymous: Client = (method, path) => request(app)[method](path);
  const bearer =
    (token: string): Client =>
    (method, path) =>
      anonymous(method, path).set('Authorization', `Bearer ${token}`);

  const client: TestApp['client'] = async (role, product_ids, grants = {}) => {
    made += 1;
    const user = await dataSource.manager.save(
      dataSource.manager.create(UserEntity, {
        email: `${role}-${made}@example.com`,
        name: `${role} ${made}`,
        role,
        password_hash: 'no password',
        disabled: false,
        all_products: grants.all_products ?? (role !== 'operator' && product_ids === undefined),
        may_read_payloads: grants.may_read_payloads ?? true,
      }),
    );
    for (const product_id of product_ids ?? []) {
      await dataSource.manager.insert(UserProductEntity, { user_id: user.id, product_id });
    }
    const { token, hash } = generateToken('cma');
    await dataSource.manager.insert(ApiTokenEntity, {
      user_id: user.id,
      name: 'test',
      token_hash: hash,
      hint: token.slice(0, 12),
      scopes: grants.scopes ?? [...SCOPES],
      product_ids: grants.token_product_ids ?? null,
    });
    return Object.assign(bearer(token), { user_id: user.id, token });
  };

  return {
    app,
    dataSource,
    database,
    features,
    queues,
    keyRing,
    metrics,
    anonymous,
    bearer,
    client,
    async session(user_id) {
      const { token, hash } = generateToken('cms');
      await dataSource.query(
        `INSERT INTO sessions (user_id, token_hash, expires_at) VALUES ($1, $2, now() + interval '1 hour')`,
        [user_id, hash],
      );
      const cookie = `${options.public_url?.startsWith('https:') ? '__Host-' : ''}cortex_session=${token}`;
      const headers = { Cookie: cookie, 'X-CSRF-Token': csrfTokenOf(token) };
      const call: Client = (method, path) => anonymous(method, path).set(headers);
      return Object.assign(call, { token, headers });
    },
    async listener(product_id) {
      const { token, hash } = generateToken('cml');
      await dataSource.manager.insert(ListenerTokenEntity, { product_id, name: 'test', token_hash: hash });
      return Object.assign(bearer(token), { token });
    },
    async product(overrides = {}) {
      made += 1;
      const admin = await client('admin');
      const { body } = await admin('post', '/api/v1/products')
        .send({ name: `Product ${made}`, ...overrides })
        .expect(201);
      return body as { id: number; slug: string; name: string };
    },
    async close() {
      await features.notifier.settled();
      features.statusStream.stop();
      await features.fleet.stop();
      await engine.stop();
      await queues.close();
      await dataSource.destroy();
      await logger.close();
      if (options.database === undefined) await database.drop();
      if (options.checks_contract !== false && contract.broken.size > 0)
        throw new Error(`Against the API's description: ${[...contract.broken].join('; ')}`);
    },
  };
}
