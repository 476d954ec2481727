import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKey, KeyRing } from '@cortex-mqtt/secrets';
import { createTestDirectory } from '@cortex-mqtt/testing';
import { createDataSource } from '../database/data-source';
import { openInstallation } from '../features/installation/installation';
import { primarySecretPlace } from '../features/brokers/broker-secrets';
import { rotateKeys, SEALED_COLUMNS } from '../features/key-rotation/key-rotation';
import { secretPlace } from '../features/secrets/secret-box';
import { createTestDatabase } from '@cortex-mqtt/testing';
import { buildTestApp, type TestApp } from '../testing/build-test-app';
import { createMigratedDatabase } from '../testing/test-database';
import { runCli } from './run-cli';

describe('the command line', () => {
  let test: TestApp;
  let folder: string;
  const key = generateKey();

  beforeAll(async () => {
    test = await buildTestApp();
    folder = mkdtempSync(join(tmpdir(), 'cortex-cli-'));
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await test.close();
  });

  async function run(argv: string[], env: Record<string, string> = {}) {
    const out: string[] = [];
    const err: string[] = [];
    const code = await runCli({
      argv,
      env: { DATABASE_URL: test.database.url, MQTT_PASSWORD_ENCRYPTION_KEY: key, ...env },
      serve: async () => {
        throw new Error('not here');
      },
      out: (text) => out.push(text),
      err: (text) => err.push(text),
    });
    return { code, out: out.join('\n'), err: err.join('\n') };
  }

  const writeEnv = (lines: string[]): string => {
    const file = join(folder, '.env');
    writeFileSync(file, lines.join('\n'));
    return file;
  };

  describe('itself', () => {
    it('tells its version with the commit, and its help', async () => {
      expect((await run(['--version'])).out).toMatch(
        /^cortex-mqtt orchestrator \d+\.\d+\.\d+ \(commit ([0-9a-f]{40,64}|unknown)\)$/,
      );
      expect((await run(['--help'])).out).toContain('rotate-keys');
    });

    it.each([
      [['bogus']],
      [['migrate', 'extra']],
      [['rotate-keys', '--bogus']],
      [['import-env']],
      [['config']],
      [['reset-password']],
    ])('answers %j with 2', async (argv) => {
      const { code, err } = await run(argv);
      expect(code).toBe(2);
      expect(err).not.toBe('');
    });

    it('migrates the database of recorded messages, too, when it is one of its own', async () => {
      const archive = await createTestDatabase();
      try {
        const first = await run(['migrate'], { ARCHIVE_DATABASE_URL: archive.url });
        expect(first).toMatchObject({
          code: 0,
          out: expect.stringMatching(/ARCHIVE_DATABASE_URL: applied MessageArchive/),
        });
        const second = await run(['migrate'], { ARCHIVE_DATABASE_URL: archive.url });
        expect(second.out).toContain('ARCHIVE_DATABASE_URL: nothing to apply');
      } finally {
        await archive.drop();
      }
    });

    it('shows the configuration without secrets, and all its faults without values', async () => {
      const good = await run(['config', 'check'], { ADMIN_EMAIL: 'a@b.c', ADMIN_PASSWORD: 'a-long-secret-word' });
      expect(good.code).toBe(0);
      expect(JSON.parse(good.out)).toMatchObject({
        PORT: 8004,
        ADMIN_PASSWORD: '(set)',
        MQTT_PASSWORD_ENCRYPTION_KEY: '(set)',
      });
      expect(good.out).not.toContain('a-long-secret-word');
      const bad = await run(['config', 'check'], { PORT: 'http', QUEUE_URL: 'amqp://guest:geheim@x' });
      expect(bad.code).toBe(2);
      expect(bad.err).toMatch(/PORT/);
      expect(bad.err).toMatch(/QUEUE_URL/);
      expect(bad.err).not.toContain('geheim');
    });

    it('says that an orchestrator does not answer', async () => {
      const { code, err } = await run(['healthcheck', '--url', 'http://127.0.0.1:1']);
      expect(code).toBe(1);
      expect(err).toContain('does not answer');
    });

    it('prints the OpenAPI document without a database', async () => {
      const { code, out } = await run(['openapi'], { DATABASE_URL: '' });
      expect(code).toBe(0);
      const { paths, components } = JSON.parse(out);
      expect(Object.keys(paths)).toContain('/api/v1/products/{product_id}/mqtt-config');
      expect(components.schemas.UserView).toMatchObject({
        properties: { name: { type: 'string' }, last_login_at: { anyOf: [{ type: 'string' }, { type: 'null' }] } },
        required: expect.arrayContaining(['name', 'last_login_at']),
      });
      expect(components.schemas.UpdateUserDto.required).toBeUndefined();
    });
  });

  describe('import-env', () => {
    const LINES = [
      'MQTT_HOST=broker.example.com',
      'MQTT_PORT=8883',
      'MQTT_USE_TLS=true',
      'MQTT_USERNAME=shop',
      'MQTT_PASSWORD="imported secret"',
      'MQTT_TOPIC_PREFIX=shop',
      'MQTT_QOS=2',
      'UNRELATED=1',
    ];

    it('takes a configuration over once, and finds nothing to change the second time', async () => {
      const file = writeEnv(LINES);
      const first = await run(['import-env', file, '--product', 'imported', '--create', 'Imported']);
      expect(first).toMatchObject({ code: 0, err: '' });
      expect(first.out).not.toContain('imported secret');
      const [config] = await test.dataSource.query(
        `SELECT c.* FROM mqtt_configs c JOIN products p ON p.id = c.product_id WHERE p.slug = 'imported'`,
      );
      expect(config).toMatchObject({
        broker_host: 'broker.example.com',
        broker_port: 8883,
        use_tls: true,
        qos: 2,
        topic_prefix: 'shop',
      });
      expect(KeyRing.parse(key).open(config.password, primarySecretPlace(config.product_id, 'password'))).toBe(
        'imported secret',
      );
      const second = await run(['import-env', file, '--product', 'imported']);
      expect(second).toMatchObject({ code: 0, out: 'nothing to change' });
      const [after] = await test.dataSource.query('SELECT revision FROM mqtt_configs WHERE id = $1', [config.id]);
      expect(after.revision).toBe(config.revision);
      const [audit] = await test.dataSource.query(
        `SELECT actor_kind, actor_name, after FROM audit_logs WHERE action = 'mqtt_config.update' AND product_id = $1`,
        [config.product_id],
      );
      expect(audit).toMatchObject({
        actor_kind: 'system',
        actor_name: 'import-env',
        after: { password: '[redacted]' },
      });
    });

    it('writes nothing in a dry run', async () => {
      const product = await test.product();
      const { code, out } = await run(['import-env', writeEnv(LINES), '--product', product.slug, '--dry-run']);
      expect(code).toBe(0);
      expect(out).toContain('broker.host: null → "broker.example.com"');
      expect(out).toContain('broker.password: null → (secret)');
      const [config] = await test.dataSource.query(
        'SELECT broker_host, revision FROM mqtt_configs WHERE product_id = $1',
        [product.id],
      );
      expect(config).toEqual({ broker_host: null, revision: 1 });
    });

    it.each([
      ['a port that is none', ['MQTT_HOST=a', 'MQTT_PORT=70000'], 'MQTT_PORT'],
      ['a host with a scheme', ['MQTT_HOST=mqtt://a'], 'MQTT_HOST'],
      ['a topic that cannot be', ['MQTT_HOST=a', 'MQTT_TOPIC_PATTERN="#/x"'], 'MQTT_TOPIC_PATTERN'],
      ['no host at all', ['MQTT_PORT=1884'], 'MQTT_HOST'],
    ])('refuses %s and names the variable', async (_name, lines, variable) => {
      const product = await test.product();
      const { code, err } = await run(['import-env', writeEnv(lines), '--product', product.slug]);
      expect(code).toBe(2);
      expect(err).toContain(variable);
    });

    it.each([
      ['an empty file', [''], 'sets no variable'],
      ['a file of other variables', ['UNRELATED=1'], 'sets no variable'],
      ['a binary file', ['MQTT_HOST=a\0b'], 'not a text file'],
      ['an unquoted #', ['MQTT_HOST=a', 'MQTT_TOPIC_PATTERN=orders/#'], 'line 2: MQTT_TOPIC_PATTERN'],
      ['a value that is one', ['MQTT_TOPIC_PATTERN=#'], 'line 1: MQTT_TOPIC_PATTERN'],
    ])('refuses %s', async (_name, lines, message) => {
      const { code, err } = await run(['import-env', writeEnv(lines), '--product', (await test.product()).slug]);
      expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(message) });
    });

    it('takes a comment behind a value for one', async () => {
      const lines = ['MQTT_HOST=broker.example.com # ours', 'MQTT_TOPIC_PATTERN="orders/#" # all'];
      const { code, out } = await run(['import-env', writeEnv(lines), '--product', (await test.product()).slug]);
      expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('topics.pattern: "" → "orders/#"') });
    });

    it('refuses in a dry run what it would refuse, and makes nothing', async () => {
      const bad = writeEnv(['MQTT_HOST=a', 'MQTT_TOPIC_PATTERN="#/x"']);
      const args = ['--product', 'dry', '--create', 'Dry', '--dry-run'];
      expect(await run(['import-env', bad, ...args])).toMatchObject({
        code: 2,
        err: expect.stringContaining('MQTT_TOPIC_PATTERN'),
      });
      expect(await run(['import-env', writeEnv(LINES), ...args])).toMatchObject({
        code: 0,
        out: expect.stringContaining('nothing was written'),
      });
      expect(await test.dataSource.query(`SELECT 1 FROM products WHERE slug = 'dry'`)).toEqual([]);
    });

    it('makes no product unless asked to', async () => {
      expect(await run(['import-env', writeEnv(LINES), '--product', 'nobody'])).toMatchObject({ code: 1 });
    });
  });

  describe('migrate:revert', () => {
    it('says what would be lost, does nothing without --yes, and backs up before it takes back', async () => {
      const database = await createMigratedDatabase();
      const env = { DATABASE_URL: database.url };
      const asked = await run(['migrate:revert'], env);
      expect(asked.code).toBe(2);
      expect(asked.out).toMatch(/would be taken back/);
      expect(asked.out).toMatch(/the (table|column) \S+/);
      expect(asked.err).toContain('--yes');
      const dataSource = await createDataSource({ url: database.url, poolSize: 2 }).initialize();
      await openInstallation(dataSource, { keys: KeyRing.parse(key), environment_identity: undefined });
      await dataSource.destroy();
      const file = join(createTestDirectory('revert'), 'before.backup');
      const done = await run(['migrate:revert', '--yes', '--backup', file], env);
      expect(done).toMatchObject({ code: 0, out: expect.stringContaining('took back') });
      expect(existsSync(file)).toBe(true);
      expect((await run(['migrate'], env)).out).toMatch(/^applied /);
      await database.drop();
    });
  });

  describe('secrets', () => {
    it('lists what has to be entered again when the key is lost, and clears it so that a start succeeds', async () => {
      const database = await createMigratedDatabase();
      const dataSource = await createDataSource({ url: database.url, poolSize: 2 }).initialize();
      const lost = KeyRing.parse(generateKey());
      await openInstallation(dataSource, { keys: lost, environment_identity: undefined });
      await dataSource.query(`INSERT INTO products (id, name, slug) VALUES (1, 'p', 'shop')`);
      await dataSource.query('INSERT INTO product_secrets (product_id, name, value) VALUES (1, $1, $2), (1, $3, $4)', [
        ...['LOST', lost.seal('a', secretPlace(1, 'LOST'))],
        ...['KEPT', KeyRing.parse(key).seal('b', secretPlace(1, 'KEPT'))],
      ]);
      const env = { DATABASE_URL: database.url };
      const start = () => openInstallation(dataSource, { keys: KeyRing.parse(key), environment_identity: undefined });
      await expect(start()).rejects.toThrow();
      const listed = await run(['secrets'], env);
      expect(listed).toMatchObject({
        code: 1,
        out: expect.stringContaining('product shop: product_secrets.value LOST'),
      });
      expect(listed.out).not.toContain('KEPT');
      expect((await run(['secrets', '--forget'], env)).out).toContain('1 values were cleared');
      await start();
      expect(await dataSource.query('SELECT name FROM product_secrets WHERE value IS NOT NULL')).toEqual([
        { name: 'KEPT' },
      ]);
      expect((await run(['secrets'], env)).code).toBe(0);
      await dataSource.destroy();
      await database.drop();
    });
  });

  describe('rotate-keys', () => {
    const old = generateKey();
    const oldRing = KeyRing.parse(old);
    const ring = KeyRing.parse(key, [old]);
    let product_id: number;

    beforeEach(async () => {
      product_id = (await test.product()).id;
      await test.dataSource.query('UPDATE mqtt_configs SET password = $1 WHERE product_id = $2', [
        oldRing.seal('broker password', primarySecretPlace(product_id, 'password')),
        product_id,
      ]);
      for (let n = 0; n < 250; n += 1) {
        await test.dataSource.query('INSERT INTO product_secrets (product_id, name, value) VALUES ($1, $2, $3)', [
          product_id,
          `S${n}`,
          oldRing.seal(`value ${n}`, secretPlace(product_id, `S${n}`)),
        ]);
      }
    });
    afterEach(() => test.dataSource.query('DELETE FROM products'));

    const values = (): Promise<{ name: string; value: string }[]> =>
      test.dataSource.query('SELECT name, value FROM product_secrets WHERE product_id = $1 ORDER BY id', [product_id]);

    it('seals everything anew, so that the old key can go', async () => {
      const { code, out } = await run(['rotate-keys'], { MQTT_PASSWORD_ENCRYPTION_KEYS_OLD: old });
      expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('251 values') });
      const alone = KeyRing.parse(key);
      for (const [n, { name, value }] of (await values()).entries()) {
        expect(alone.open(value, secretPlace(product_id, name))).toBe(`value ${n}`);
      }
      expect((await run(['rotate-keys', '--dry-run'])).out).toMatch(/^0 values/);
    });

    it('goes on where it was ended, and keeps what was written in between', async () => {
      const ended = rotateKeys({
        dataSource: test.dataSource,
        keyRing: ring,
        onProgress: () => {
          throw new Error('killed');
        },
      });
      await expect(ended).rejects.toThrow('killed');
      let changed = false;
      const { resealed, failed } = await rotateKeys({
        dataSource: test.dataSource,
        keyRing: ring,
        onProgress: async () => {
          if (changed) return;
          changed = true;
          // An orchestrator writes under the old key still: its value must win, and be resealed too.
          await test.dataSource.query(`UPDATE product_secrets SET value = $1 WHERE product_id = $2 AND name = 'S249'`, [
            oldRing.seal('written in between', secretPlace(product_id, 'S249')),
            product_id,
          ]);
        },
      });
      expect(failed).toEqual([]);
      expect(resealed).toBeGreaterThan(100);
      const after = await values();
      expect(KeyRing.parse(key).open(after[249]?.value ?? '', secretPlace(product_id, 'S249'))).toBe(
        'written in between',
      );
      expect(after.every(({ value }) => !ring.needsRotation(value))).toBe(true);
    });

    it('leaves alone what no key opens, and says so', async () => {
      const { code, err } = await run(['rotate-keys']);
      expect(code).toBe(1);
      expect(err).toContain('product_secrets.value');
      const [first] = await values();
      expect(oldRing.open(first?.value ?? '', secretPlace(product_id, 'S0'))).toBe('value 0');
    });

    it('knows every column that holds envelopes', async () => {
      // Every text column that the schema has is either known as sealed, or is known not to be.
      const rows: { table_name: string; column_name: string }[] = await test.dataSource.query(
        `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'
         AND data_type = 'text' AND column_name IN
         ('password', 'proxy_password', 'client_key', 'client_key_passphrase', 'value', 'request', 'data_key', 'secrets', 'reply', 'connection')
         ORDER BY 1, 2`,
      );
      expect(rows.map((row) => `${row.table_name}.${row.column_name}`)).toEqual(
        SEALED_COLUMNS.map(({ table, column }) => `${table}.${column}`).sort(),
      );
    });
  });

  describe('reset-password', () => {
    it('gives a locked-out person a new password and ends their sessions', async () => {
      const admin = await test.client('admin');
      const [user] = await test.dataSource.query('SELECT email FROM users WHERE id = $1', [admin.user_id]);
      await test.dataSource.query(
        `INSERT INTO sessions (user_id, token_hash, expires_at) VALUES ($1, 'x', now() + interval '1 hour')`,
        [admin.user_id],
      );
      const { code, out } = await run(['reset-password', user.email.toUpperCase()]);
      expect(code).toBe(0);
      const password = /: (\S+)$/.exec(out)?.[1] ?? '';
      await test.anonymous('post', '/api/v1/auth/login').send({ email: user.email, password }).expect(200);
      const sessions = await test.dataSource.query(`SELECT 1 FROM sessions WHERE token_hash = 'x'`);
      expect(sessions).toEqual([]);
    });

    it('knows nobody who is not there', async () => {
      expect(await run(['reset-password', 'nobody@example.com'])).toMatchObject({ code: 1 });
    });
  });
});
