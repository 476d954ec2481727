import { createPrivateKey } from 'node:crypto';
import { createTestCertificates, type TestCertificates } from '@cortex-mqtt/testing';
import { buildTestApp, type Client, type TestApp } from '../../testing/build-test-app';

let test: TestApp;
let certificates: TestCertificates;
beforeAll(async () => {
  [test, certificates] = await Promise.all([buildTestApp(), createTestCertificates()]);
});
afterAll(() => test.close());

/** The three ways to write, or use, settings of a broker; each refuses the same. */
async function writers(): Promise<{
  operator: Client;
  product_id: number;
  ways: { prefix: string; send(broker: object): Promise<{ status: number; body: Record<string, unknown> }> }[];
}> {
  const { id } = await test.product();
  const operator = await test.client('operator', [id]);
  const stored = {
    ...{ host: 'broker.example.com', port: 8883, use_tls: true, username: 'shop', password: 'p4ss-w0rd' },
    ...{ ca_cert: certificates.ca.cert, server_name: 'broker.example.com' },
  };
  const config = `/api/v1/products/${id}/mqtt-config`;
  await operator('put', config).send({ broker: stored }).expect(200);
  const brokers = `/api/v1/products/${id}/brokers`;
  const { body } = await operator('post', brokers)
    .send({ ...stored, name: 'second' })
    .expect(201);
  return {
    operator,
    product_id: id,
    ways: [
      { prefix: 'broker.', send: (broker) => operator('put', config).send({ broker }) },
      { prefix: '', send: (broker) => operator('put', `${brokers}/${body.id}`).send(broker) },
      { prefix: '', send: (broker) => operator('post', `${config}/test`).send(broker) },
    ],
  };
}

it('sends the stored password only to the endpoint it was given for', async () => {
  const { ways } = await writers();
  const elsewhere: [object, string][] = [
    [{ host: 'elsewhere.example.com' }, 'another host'],
    [{ port: 8884 }, 'another port'],
    [{ use_tls: false }, 'unencrypted'],
    [{ transport: 'tcp' }, 'unencrypted'],
    [{ verify_cert: false }, 'not verified'],
    [{ ca_cert: certificates.foreignCa.cert }, 'another CA'],
    [{ ca_cert: null }, 'another CA'],
    [{ server_name: 'elsewhere.example.com' }, 'another server name'],
  ];
  for (const { prefix, send } of ways) {
    for (const [change, way] of elsewhere) {
      const { status, body } = await send(change);
      expect({ change, status, errors: body.errors }).toEqual({
        change,
        status: 400,
        errors: [{ field: `${prefix}password`, message: expect.stringContaining(way) }],
      });
    }
  }
  const [config] = ways;
  expect((await config?.send({ keep_alive: 20, ca_cert: certificates.ca.cert }))?.status).toBe(200);
  expect((await config?.send({ port: 8884, password: 'given again' }))?.status).toBe(200);
});

it('refuses what TLS could not use, by the name of the field, in every way of writing it', async () => {
  const { ways } = await writers();
  const { ca, client, foreignClient } = certificates;
  const encrypted = createPrivateKey(client.key).export({
    ...{ type: 'pkcs8', format: 'pem' },
    ...{ cipher: 'aes-256-cbc', passphrase: 'open sesame' },
  } as never) as unknown as string;
  const pair = { client_cert: client.cert, client_key: client.key };
  const password = 'given again';
  const unusable: [object, string][] = [
    [{ alpn_protocols: [''] }, 'alpn_protocols'],
    [{ alpn_protocols: ['é'.repeat(200)] }, 'alpn_protocols[0]'],
    [{ ca_cert: client.key, password }, 'ca_cert'],
    [{ ca_cert: `${ca.cert}${client.key}`, password }, 'ca_cert'],
    [{ ...pair, client_cert: client.key }, 'client_cert'],
    [{ ...pair, client_key: foreignClient.key }, 'client_key'],
    [{ client_cert: client.cert }, 'client_key'],
    [{ client_key: client.key }, 'client_cert'],
    [{ ...pair, client_key: encrypted }, 'client_key_passphrase'],
    [{ ...pair, client_key: encrypted, client_key_passphrase: 'wrong' }, 'client_key_passphrase'],
  ];
  for (const { prefix, send } of ways) {
    for (const [change, field] of unusable) {
      const { status, body } = await send(change);
      const fields = (body.errors as { field: string }[] | undefined)?.map((error) => error.field);
      expect({ change, status, fields }).toEqual({ change, status: 400, fields: [`${prefix}${field}`] });
    }
  }
});

it('keeps the pass phrase of a client key sealed, and forgets it with the key', async () => {
  const { operator, product_id, ways } = await writers();
  const { client } = certificates;
  const passphrase = 'open sesame';
  const client_key = createPrivateKey(client.key).export({
    ...{ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase },
  } as never) as unknown as string;
  const given = { client_cert: client.cert, client_key, client_key_passphrase: passphrase };
  for (const { send } of ways.slice(0, 2)) expect((await send(given)).status).toBe(200);

  const { body, text } = await operator('get', `/api/v1/products/${product_id}/mqtt-config`).expect(200);
  expect(body.mqtt_config.broker).toMatchObject({ client_key_set: true, client_key_passphrase_set: true });
  const audit = await operator('get', `/api/v1/products/${product_id}/audit-logs`).expect(200);
  expect(audit.text).toContain('client_key_passphrase');
  for (const shown of [text, audit.text]) expect(shown).not.toContain(passphrase);
  const rows = await test.dataSource.query(
    `SELECT client_key_passphrase AS sealed FROM mqtt_configs WHERE product_id = $1
     UNION ALL SELECT client_key_passphrase FROM mqtt_brokers WHERE product_id = $1`,
    [product_id],
  );
  expect(rows).toHaveLength(2);
  for (const { sealed } of rows) expect(sealed).toMatch(/^v1\./);
  const listener = await test.listener(product_id);
  const { body: document } = await listener('get', '/internal/v1/mqtt-config').expect(200);
  expect(document.brokers).toMatchObject([
    { client_key_passphrase: passphrase },
    { client_key_passphrase: passphrase },
  ]);

  expect((await ways[0]?.send({ client_cert: null, client_key: null }))?.status).toBe(200);
  const after = await operator('get', `/api/v1/products/${product_id}/mqtt-config`).expect(200);
  expect(after.body.mqtt_config.broker).toMatchObject({ client_key_set: false, client_key_passphrase_set: false });
});
