import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDirectory } from '@cortex-mqtt/testing';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';
import { Provisioning, variablesForFiles } from './provisioning';

describe('a folder of configuration files', () => {
  let app: TestApp;
  let admin: Client;
  let directory: string;
  let provisioning: Provisioning;
  const logged: { level: string; message: string; fields: Record<string, unknown> }[] = [];
  const log =
    (level: string) =>
    (message: string, fields: Record<string, unknown> = {}) =>
      void logged.push({ level, message, fields });
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };

  const build = (overrides: Partial<ConstructorParameters<typeof Provisioning>[0]> = {}) =>
    new Provisioning({
      plans: app.features.configurationPlans,
      directory,
      prune: false,
      env: { SHOP_PASSWORD: 'a broker password' },
      isMine: async () => true,
      logger: logger as never,
      ...overrides,
    });
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
  const find = async (slug: string) =>
    (await admin('get', `/api/v1/products?search=${slug}`).expect(200)).body.items.find(
      (product: { slug: string }) => product.slug === slug,
    );
  const shop = (more = '') => `version: 1
slug: shop
name: Shop
managed_by: {name: files}
broker: {host: broker.example.com, password: {env: SHOP_PASSWORD}}
${more}`;

  beforeAll(async () => {
    app = await buildTestApp();
    admin = await app.client('admin');
    directory = createTestDirectory('provisioning');
    provisioning = build();
  });
  beforeEach(() => {
    logged.length = 0;
  });
  afterAll(() => app.close());

  it('is applied at start, with secrets from the environment, and not again while it says the same', async () => {
    write('shop.yaml', shop());
    await provisioning.turn();
    const { id, managed_by } = await find('shop');
    expect(managed_by).toBe('files');
    const { body } = await (await app.listener(id))('get', '/internal/v1/mqtt-config').expect(200);
    expect(body.brokers[0]).toMatchObject({ host: 'broker.example.com', password: 'a broker password' });
    const { body: audit } = await admin('get', `/api/v1/products/${id}/audit-logs`).expect(200);
    expect(audit.items).toContainEqual(
      expect.objectContaining({ action: 'product.create', actor_name: 'configuration files' }),
    );
    logged.length = 0;
    await provisioning.turn();
    expect(logged).toEqual([]);
    await build().turn();
    expect(logged).toMatchObject([{ level: 'info', message: expect.stringContaining('what is stored') }]);
  });

  it('is applied again when it changes', async () => {
    write('shop.yaml', shop('description: a new description'));
    await provisioning.turn();
    expect((await find('shop')).description).toBe('a new description');
  });

  it('says what is wrong with it once, leaves everything as it is, and goes on when it is mended', async () => {
    write('bad.yaml', 'version: 1\nslug: bad\nname: Bad\nbroker: {host: h, port: 0}\n');
    await provisioning.turn();
    await provisioning.turn();
    expect(logged).toMatchObject([
      { level: 'error', fields: { faults: [expect.stringContaining('bad: broker.port')] } },
    ]);
    expect(await find('bad')).toBeUndefined();
    write('bad.yaml', 'slug: [');
    await provisioning.turn();
    expect(logged[1]).toMatchObject({ level: 'error', fields: { faults: [expect.stringContaining('bad.yaml')] } });
    rmSync(join(directory, 'bad.yaml'));
    write('good.yaml', 'version: 1\nslug: good\nname: Good\nmanaged_by: {name: files}\n');
    await provisioning.turn();
    expect(await find('good')).toBeDefined();
  });

  it('deletes what it leaves out only where it is to prune', async () => {
    rmSync(join(directory, 'good.yaml'));
    await provisioning.turn();
    expect(await find('good')).toBeDefined();
    await build({ prune: true }).turn();
    expect(await find('good')).toBeUndefined();
    expect(await find('shop')).toBeDefined();
  });

  it('is left to the one orchestrator that has the duty', async () => {
    write('other.yaml', 'version: 1\nslug: other\nname: Other\n');
    await build({ isMine: async () => false }).turn();
    expect(await find('other')).toBeUndefined();
  });

  it('is tried again when somebody changed the product meanwhile', async () => {
    const { configurationPlans } = app.features;
    const before = await find('shop');
    let is_overtaken = false;
    const plan: typeof configurationPlans.plan = async (...about) => {
      const made = await configurationPlans.plan(...about);
      if (!is_overtaken) await admin('patch', `/api/v1/products/${before.id}`).send({ name: 'Faster' }).expect(200);
      is_overtaken = true;
      return made;
    };
    write('shop.yaml', shop('description: won in the end'));
    await build({ plans: { plan, apply: (...about) => configurationPlans.apply(...about) } }).turn();
    expect(await find('shop')).toMatchObject({ name: 'Shop', description: 'won in the end' });
  });

  it('can name no variable of the orchestrator', () => {
    const env = { DATABASE_URL: 'x', MQTT_PASSWORD_ENCRYPTION_KEY_FILE: 'x', ADMIN_PASSWORD: 'x', SHOP_PASSWORD: 'p' };
    expect(variablesForFiles(env)).toEqual({ SHOP_PASSWORD: 'p' });
  });
});
