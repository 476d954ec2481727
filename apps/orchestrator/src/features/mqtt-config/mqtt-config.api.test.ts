import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

const CONFIG = {
  broker: {
    host: 'broker.example.com',
    port: 8883,
    use_tls: true,
    verify_cert: true,
    username: 'shop',
    password: 'p4ss-w0rd-one',
    keep_alive: 30,
  },
  topics: { prefix: 'shop', pattern: '#', use_shared: false, shared_group: null, qos: 1 },
};

describe('a product’s MQTT configuration over REST', () => {
  let test: TestApp;
  let operator: Client;
  let path: string;
  let product_id: number;

  beforeAll(async () => {
    test = await buildTestApp();
  });
  afterAll(() => test.close());

  beforeEach(async () => {
    const product = await test.product({ variables: { region: 'eu' } });
    product_id = product.id;
    operator = await test.client('operator', [product.id]);
    path = `/api/v1/products/${product.id}/mqtt-config`;
  });

  it('stores what is put and answers it without the password', async () => {
    const put = await operator('put', path).send(CONFIG).expect(200);
    const got = await operator('get', path).expect(200);
    for (const { body, text } of [put, got]) {
      expect(body).toMatchObject({
        product_id,
        mqtt_config: {
          broker: { host: 'broker.example.com', port: 8883, use_tls: true, password_set: true, keep_alive: 30 },
          topics: CONFIG.topics,
        },
        subscriptions: [],
        status: { product_id, connected: false },
      });
      expect(body.mqtt_config.broker).not.toHaveProperty('password');
      expect(text).not.toContain('p4ss-w0rd-one');
    }
  });

  it('keeps what a partial change does not name', async () => {
    await operator('put', path).send(CONFIG).expect(200);
    const { body } = await operator('put', path)
      .send({ broker: { keep_alive: 15 }, topics: { qos: 2 } })
      .expect(200);
    expect(body.mqtt_config.broker).toMatchObject({
      host: 'broker.example.com',
      port: 8883,
      use_tls: true,
      username: 'shop',
      password_set: true,
      keep_alive: 15,
    });
    expect(body.mqtt_config.topics).toMatchObject({ prefix: 'shop', pattern: '#', qos: 2 });
  });

  it('leaves no trace of a write that changes nothing: same tag, no revision, no audit row, no job', async () => {
    const { headers, body } = await operator('put', path).send(CONFIG).expect(200);
    const trail = async () =>
      (await operator('get', `/api/v1/products/${product_id}/audit-logs`).expect(200)).body.total;
    const before = await trail();
    for (const same of [{}, CONFIG, { broker: { password: CONFIG.broker.password } }, { topics: {} }]) {
      const again = await operator('put', path).send(same).expect(200);
      expect([again.headers.etag, again.body.revision]).toEqual([headers.etag, body.revision]);
    }
    expect(await trail()).toBe(before);
    const other = await operator('put', path)
      .send({ broker: { password: 'another-one' } })
      .expect(200);
    expect(other.body.revision).toBe(body.revision + 1);
  });

  it('tells two revisions of one number apart, as a restored database has them', async () => {
    await operator('put', path).send(CONFIG).expect(200);
    const lost = await operator('put', path)
      .send({ topics: { prefix: 'lost' } })
      .expect(200);
    const listener = await test.listener(product_id);
    const running = (await listener('get', '/internal/v1/mqtt-config').expect(200)).headers.etag as string;
    expect(running).toBe(lost.headers.etag);
    // The dump is from before that change; somebody makes another one after the restore.
    await test.dataSource.query(
      `UPDATE mqtt_configs SET topic_prefix = 'shop', revision = revision - 1, revision_key = 'dumped' WHERE product_id = $1`,
      [product_id],
    );
    const made = await operator('put', path)
      .send({ topics: { prefix: 'after' } })
      .expect(200);
    expect(made.body.revision).toBe(lost.body.revision);
    const fetched = await listener('get', '/internal/v1/mqtt-config').set('If-None-Match', running).expect(200);
    expect(fetched.headers.etag).toBe(made.headers.etag);
    await operator('put', path)
      .set('If-Match', running)
      .send({ topics: { prefix: 'x' } })
      .expect(412);
  });

  it('keeps the password when it is absent and clears it when it is null', async () => {
    await operator('put', path).send(CONFIG).expect(200);
    const listener = await test.listener(product_id);
    const passwordSeen = async () =>
      (await listener('get', '/internal/v1/mqtt-config').expect(200)).body.brokers[0].password;
    await operator('put', path)
      .send({ broker: { username: 'other' } })
      .expect(200);
    expect(await passwordSeen()).toBe('p4ss-w0rd-one');
    await operator('put', path)
      .send({ broker: { password: null } })
      .expect(200);
    expect(await passwordSeen()).toBeNull();
  });

  it('answers what a change costs, and a client id that another product uses on the same broker', async () => {
    await operator('put', path).send(CONFIG).expect(200);
    const { body } = await operator('put', path)
      .send({ broker: { clean_session: true } })
      .expect(200);
    expect(body.warnings).toMatchObject([{ code: 'CLEAN_SESSION_LOSES_MESSAGES' }]);
    const again = await operator('put', path)
      .send({ broker: { clean_session: true } })
      .expect(200);
    expect(again.body.warnings).toEqual([]);

    const other = await test.product({});
    const both = await test.client('operator', [product_id, other.id]);
    const broker = { ...CONFIG.broker, client_id: `id-${product_id}` };
    await both('put', path).send({ broker }).expect(200);
    const elsewhere = `/api/v1/products/${other.id}/mqtt-config`;
    const second = await both('put', elsewhere)
      .send({ broker: { ...broker, host: 'BROKER.example.com' } })
      .expect(200);
    expect(second.body.warnings).toMatchObject([
      { code: 'CLIENT_ID_IN_USE', message: expect.stringContaining(`"id-${product_id}"`) },
    ]);
    expect(second.body.warnings[0].message).not.toContain(String(CONFIG.broker.username));
    expect((await both('get', path).expect(200)).body.warnings).toMatchObject([{ code: 'CLIENT_ID_IN_USE' }]);
  });

  it('never takes the stored password to another host', async () => {
    await operator('put', path).send(CONFIG).expect(200);
    const { body } = await operator('put', path)
      .send({ broker: { host: 'elsewhere.example.com' } })
      .expect(400);
    expect(body.errors).toEqual([{ field: 'broker.password', message: expect.stringContaining('another host') }]);
    await operator('put', path)
      .send({ broker: { host: 'elsewhere.example.com', password: 'given again' } })
      .expect(200);
  });

  it('takes a proxy for websockets only, and the stored password through no other one', async () => {
    const proxy_url = 'http://proxy.example.com:3128';
    const put = (broker: object) => operator('put', path).send({ broker });
    await operator('put', path).send(CONFIG).expect(200);
    for (const broker of [
      { proxy_url },
      { transport: 'wss', proxy_url: 'http://u:p@proxy:1' },
      { transport: 'wss', proxy_url },
    ]) {
      await put(broker).expect(400);
    }
    const { body } = await put({ transport: 'wss', proxy_url, password: 'given again' }).expect(200);
    expect(body.mqtt_config.broker).toMatchObject({ transport: 'wss', proxy_url });
    const refused = await put({ transport: 'tls' }).expect(400);
    expect(refused.body.errors).toEqual([{ field: 'broker.transport', message: expect.stringContaining('proxy_url') }]);
    await put({ proxy_url: 'http://other.example.com' }).expect(400);
    await put({ transport: 'tls', proxy_url: null }).expect(200);
  });

  it('keeps the credentials for a proxy like its own, and for that proxy only', async () => {
    const put = (broker: object) => operator('put', path).send({ broker });
    const given = {
      transport: 'wss',
      proxy_url: 'http://proxy:3128',
      proxy_username: 'us',
      proxy_password: 'pr0xy-word',
    };
    const { body, text } = await put({ host: 'a.example.com', ...given }).expect(200);
    expect(body.mqtt_config.broker).toMatchObject({ proxy_username: 'us', proxy_password_set: true });
    expect(text).not.toContain('pr0xy-word');
    const listener = await test.listener(product_id);
    const { body: document } = await listener('get', '/internal/v1/mqtt-config').expect(200);
    expect(document.brokers[0]).toMatchObject({ proxy_username: 'us', proxy_password: 'pr0xy-word' });
    const [row] = await test.dataSource.query('SELECT proxy_password FROM mqtt_configs WHERE product_id = $1', [
      product_id,
    ]);
    expect(row.proxy_password).toMatch(/^v1\./);
    const { text: audit } = await operator('get', `/api/v1/products/${product_id}/audit-logs`).expect(200);
    expect(audit).toContain('proxy_username');
    expect(audit).not.toContain(row.proxy_password);

    const elsewhere = await put({ proxy_url: 'http://other:3128' }).expect(400);
    expect(elsewhere.body.errors).toEqual([
      { field: 'broker.proxy_password', message: expect.stringContaining('another proxy') },
    ]);
    const tested = await operator('post', `${path}/test`).send({ proxy_url: 'http://other:3128' }).expect(400);
    expect(tested.body.errors).toMatchObject([{ field: 'proxy_password' }]);
    await put({ proxy_username: 'us:er' }).expect(400);
    const { body: without } = await put({ proxy_url: null, transport: 'tls' }).expect(200);
    expect(without.mqtt_config.broker).toMatchObject({ proxy_username: null, proxy_password_set: false });
  });

  it('stores the password as an envelope that opens only in its place', async () => {
    await operator('put', path).send(CONFIG).expect(200);
    const [row] = await test.dataSource.query('SELECT password FROM mqtt_configs WHERE product_id = $1', [product_id]);
    expect(row.password).toMatch(/^v1\./);
    const place = { product_id, table: 'mqtt_configs', column: 'password' };
    expect(test.keyRing.open(row.password, place)).toBe('p4ss-w0rd-one');
    expect(() => test.keyRing.open(row.password, { ...place, product_id: product_id + 1 })).toThrow();
  });

  it('refuses a change of what somebody else has changed since', async () => {
    const { headers } = await operator('get', path).expect(200);
    const tag = headers.etag as string;
    await operator('put', path).set('If-Match', tag).send(CONFIG).expect(200);
    const { body } = await operator('put', path)
      .set('If-Match', tag)
      .send({ broker: { keep_alive: 99 } })
      .expect(412);
    expect(body.type).toBe('urn:cortex-mqtt:problem:precondition-failed');
    const after = await operator('get', path).expect(200);
    expect(after.body.mqtt_config.broker.keep_alive).toBe(30);
    expect(after.headers.etag).not.toBe(tag);
  });

  it('writes who changed what, from where, secrets redacted, in the audit log', async () => {
    await operator('put', path).send(CONFIG).expect(200);
    await operator('put', path)
      .set('X-Request-Id', 'my-request')
      .send({ broker: { port: 8884, password: 'p4ss-w0rd-two' } })
      .expect(200);
    const { body, text } = await operator(
      'get',
      `/api/v1/products/${product_id}/audit-logs?action=mqtt_config.update`,
    ).expect(200);
    expect(body.total).toBe(2);
    expect(body.items[0]).toMatchObject({
      actor_kind: 'user',
      actor_name: expect.stringContaining('operator'),
      ip: expect.stringContaining('127.0.0.1'),
      request_id: 'my-request',
      before: { broker_port: 8883, password: '[redacted]' },
      after: { broker_port: 8884, password: '[redacted]' },
    });
    expect(Object.keys(body.items[0].after).sort()).toEqual(['broker_port', 'password']);
    expect(text).not.toMatch(/p4ss-w0rd|v1\./);
  });

  describe('with bad input', () => {
    const deep = (levels: number) => Array.from({ length: levels }, () => 'x').join('/');
    const cases: [string, object, string][] = [
      ['port 0', { broker: { host: 'a', port: 0 } }, 'broker.port'],
      ['port 65536', { broker: { host: 'a', port: 65_536 } }, 'broker.port'],
      ['a port that is text', { broker: { host: 'a', port: '1883' } }, 'broker.port'],
      ['a port that is no integer', { broker: { host: 'a', port: 18.83 } }, 'broker.port'],
      ['qos 3', { topics: { qos: 3 } }, 'topics.qos'],
      ['keep_alive 65536', { broker: { host: 'a', keep_alive: 65_536 } }, 'broker.keep_alive'],
      ['a host with a scheme', { broker: { host: 'mqtt://broker.example.com' } }, 'broker.host'],
      ['a host with spaces', { broker: { host: 'broker example.com' } }, 'broker.host'],
      ['a host with a port', { broker: { host: 'broker.example.com:1883' } }, 'broker.host'],
      ['an empty host', { broker: { host: '' } }, 'broker.host'],
      ['a host that is null', { broker: { host: null } }, 'broker.host'],
      ['an unknown placeholder', { topics: { prefix: '{nobody}' } }, 'topics.prefix'],
      ['# that is not last', { topics: { pattern: '#/x' } }, 'topics.pattern'],
      ['# within a level', { topics: { pattern: 'a/b#' } }, 'topics.pattern'],
      ['$share by hand', { topics: { prefix: '$share/g' } }, 'topics.prefix'],
      ['a shared group with /', { topics: { use_shared: true, shared_group: 'a/b' } }, 'topics.shared_group'],
      ['a topic beyond 65,535 bytes', { topics: { prefix: 'ü'.repeat(32_768) } }, 'topics.prefix'],
      ['a topic of too many levels and bytes', { topics: { prefix: deep(32_767), pattern: deep(100) } }, 'topics.'],
      ['an unknown field', { broker: { host: 'a', hostname: 'b' } }, 'broker.hostname'],
      ['an unknown section', { brokers: {} }, 'brokers'],
      ['contradicting transport and TLS', { broker: { host: 'a', transport: 'tcp', use_tls: true } }, 'broker.use_tls'],
      ['a CA that is no PEM', { broker: { host: 'a', ca_cert: 'hello' } }, 'broker.ca_cert'],
    ];

    it.each(cases)('refuses %s, names the field and changes nothing', async (_name, body, field) => {
      await operator('put', path).send(CONFIG).expect(200);
      const before = await operator('get', path).expect(200);
      const answer = await operator('put', path).send(body).expect(400);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.body).toMatchObject({
        type: 'urn:cortex-mqtt:problem:validation',
        status: 400,
        instance: path,
        request_id: answer.headers['x-request-id'],
      });
      expect(answer.body.errors.map((error: { field: string }) => error.field)).toContainEqual(
        expect.stringContaining(field),
      );
      const after = await operator('get', path).expect(200);
      expect(after.body).toEqual(before.body);
      expect(after.headers.etag).toBe(before.headers.etag);
    });

    it('tells every fault at once', async () => {
      const { body } = await operator('put', path)
        .send({ broker: { host: 'a b', port: 0 }, topics: { qos: 7 } })
        .expect(400);
      expect(body.errors.map((error: { field: string }) => error.field).sort()).toEqual([
        'broker.host',
        'broker.port',
        'topics.qos',
      ]);
    });

    it('refuses JSON that is none', async () => {
      const answer = await operator('put', path)
        .set('Content-Type', 'application/json')
        .send('{"broker": ')
        .expect(400);
      expect(answer.body.type).toBe('urn:cortex-mqtt:problem:malformed-request');
    });

    it.each([['[]'], ['"text"'], ['null'], ['17']])('refuses the JSON %s, which is no object', async (text) => {
      await operator('put', path).set('Content-Type', 'application/json').send(text).expect(400);
    });

    it('refuses a body that is not JSON at all', async () => {
      await operator('put', path).set('Content-Type', 'text/plain').send('broker').expect(415);
    });

    it('refuses a body beyond 100 kB', async () => {
      await operator('put', path)
        .send({ broker: { ca_cert: 'x'.repeat(110_000) } })
        .expect(413);
    });

    it('knows no product that is not there', async () => {
      const admin = await test.client('admin');
      const { body } = await admin('put', '/api/v1/products/999999/mqtt-config').send(CONFIG).expect(404);
      expect(body.type).toBe('urn:cortex-mqtt:problem:not-found');
      await admin('get', '/api/v1/products/999999/mqtt-config').expect(404);
      await admin('get', '/api/v1/products/nonsense/mqtt-config').expect(400);
    });

    it('answers other methods with those that are there', async () => {
      const { headers } = await operator('delete', path).expect(405);
      expect(headers.allow).toBe('GET, PUT, HEAD, OPTIONS');
    });
  });
});
