import { createServer, type Server } from 'node:net';
import { Readable } from 'node:stream';
import { createTestCertificates, type HttpReceiver, startHttpReceiver } from '@cortex-mqtt/testing';
import { Webhook } from 'standardwebhooks';
import { validateActions } from '../action-registry';
import { CompiledAction } from '../action-runner';
import { type ActionBench, buildAction, buildScope, createActionBench } from '../testing/action-bench';
import { parseRetryAfter } from './retry-after';

let receiver: HttpReceiver;
let bench: ActionBench;

beforeAll(async () => {
  receiver = await startHttpReceiver();
  bench = createActionBench();
});

beforeEach(() => {
  receiver.clear();
  receiver.answerWith({});
});

afterAll(async () => {
  await bench.stop();
  await receiver.stop();
});

const webhook = (fields: object = {}) => ({ type: 'webhook', url: `${receiver.url}/hook`, ...fields });
const KEY_A = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const KEY_B = `whsec_${Buffer.alloc(24, 2).toString('base64')}`;

describe('what a webhook sends', () => {
  it('posts the envelope, the payload in it byte for byte', async () => {
    const payload = '{"id": 9007199254740993, "b": 1.10}';
    const result = await bench.run(webhook(), { payload });
    expect(result).toEqual({ status: 'succeeded', destination: receiver.url, detail: { status: 200 } });
    const request = receiver.requests[0];
    expect(request).toMatchObject({ method: 'POST', url: '/hook' });
    expect(request?.text).toContain(`"payload":${payload},`);
    expect(request?.json()).toMatchObject({ id: 'msg_test', topic: 'orders/7/created', params: { order: '7' } });
    expect(request?.headers).toMatchObject({ 'content-type': 'application/json', 'webhook-id': 'msg_test' });
  });

  it('posts the input where there is one', async () => {
    await bench.run(webhook({ input: '{"order": payload.order.id, "double": payload.order.id * 2}' }));
    expect(receiver.requests[0]?.text).toBe('{"order":7,"double":14}');
  });

  it('fills in URL, headers and body', async () => {
    await bench.run(
      webhook({
        method: 'PUT',
        url: `${receiver.url}/orders/{{payload.order.name}}?topic={{topic}}`,
        headers: { Authorization: 'Bearer {{secrets.TOKEN}}', 'X-Order': '{{params.order}}' },
        body: '{"name": "{{payload.order.name}}", "order": {{payload.order}}, "in": {{input.n}}}',
        input: '{"n": payload.order.id}',
      }),
      { secrets: { TOKEN: 't0ken' } },
    );
    expect(receiver.requests[0]).toMatchObject({
      method: 'PUT',
      url: '/orders/Zo%C3%AB?topic=orders%2F7%2Fcreated',
      headers: { authorization: 'Bearer t0ken', 'x-order': '7' },
    });
    expect(receiver.requests[0]?.json()).toEqual({ name: 'Zoë', order: { id: 7, name: 'Zoë' }, in: 7 });
  });

  it('sends text as text', async () => {
    await bench.run(webhook({ body: 'order {{payload.order.name}}' }));
    expect(receiver.requests[0]?.text).toBe('order Zoë');
    expect(receiver.requests[0]?.headers['content-type']).toBe('text/plain; charset=utf-8');
  });

  it('sends no body with GET', async () => {
    await bench.run(webhook({ method: 'GET' }));
    expect(receiver.requests[0]).toMatchObject({ method: 'GET', text: '' });
  });

  it('takes the whole URL from a secret', async () => {
    await bench.run(webhook({ url: '{{secrets.HOOK}}/{{payload.order.name}}' }), {
      secrets: { HOOK: `${receiver.url}/a/b` },
    });
    expect(receiver.requests[0]?.url).toBe('/a/b/Zo%C3%AB');
  });

  it('keeps connections', async () => {
    const before = receiver.connections();
    for (let n = 0; n < 20; n += 1) await bench.run(webhook());
    expect(receiver.connections() - before).toBeLessThanOrEqual(1);
    expect(receiver.count()).toBe(20);
  });
});

describe('the signature', () => {
  it('is accepted by the Standard Webhooks library', async () => {
    await bench.run(webhook({ signing_secrets: ['KEY'] }), { secrets: { KEY: KEY_A } });
    const { text, headers } = receiver.requests[0] as NonNullable<(typeof receiver.requests)[0]>;
    expect(new Webhook(KEY_A).verify(text, headers as Record<string, string>)).toMatchObject({ id: 'msg_test' });
    expect(() => new Webhook(KEY_A).verify(`${text} `, headers as Record<string, string>)).toThrow();
  });

  it('is there once for each secret, so that either is accepted during a rotation', async () => {
    await bench.run(webhook({ signing_secrets: ['NEW', 'OLD'] }), { secrets: { NEW: KEY_A, OLD: KEY_B } });
    const { text, headers } = receiver.requests[0] as NonNullable<(typeof receiver.requests)[0]>;
    for (const key of [KEY_A, KEY_B]) {
      expect(new Webhook(key).verify(text, headers as Record<string, string>)).toMatchObject({
        topic: 'orders/7/created',
      });
    }
  });

  it('has the same id and a fresh time at each attempt', async () => {
    const ready = await bench.runner.prepare(new CompiledAction(buildAction(webhook({ signing_secrets: ['KEY'] }))), {
      ...buildScope(),
      secrets: () => KEY_A,
    });
    if (ready.kind !== 'ready') throw new Error('skipped');
    const times = [1_000_000_000_000, 1_000_000_060_000];
    jest.useFakeTimers({
      doNotFake: [
        'setTimeout',
        'setImmediate',
        'nextTick',
        'clearTimeout',
        'setInterval',
        'clearInterval',
        'queueMicrotask',
      ],
    });
    try {
      for (const now of times) {
        jest.setSystemTime(now);
        await bench.runner.execute(ready, { attempt: 1 });
      }
    } finally {
      jest.useRealTimers();
    }
    expect(receiver.requests.map(({ headers }) => [headers['webhook-id'], headers['webhook-timestamp']])).toEqual([
      ['msg_test', '1000000000'],
      ['msg_test', '1000000060'],
    ]);
    expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-signature'])).size).toBe(2);
  });

  it('fails for good with a secret that is no signing secret, without showing it', async () => {
    const fault = await bench.faultOf(webhook({ signing_secrets: ['KEY'] }), { secrets: { KEY: 'not base64!' } });
    expect(fault).toMatchObject({ permanent: true, detail: { code: 'SIGNING_SECRET' } });
    expect(fault.message).not.toContain('not base64!');
    expect(receiver.count()).toBe(0);
  });
});

describe('what an answer means', () => {
  it.each([
    [400, true],
    [401, true],
    [404, true],
    [410, true],
    [422, true],
    [302, true],
    [408, false],
    [425, false],
    [429, false],
    [500, false],
    [503, false],
  ])('%i is permanent: %s', async (status, permanent) => {
    receiver.answerWith({ status, body: 'why' });
    const fault = await bench.faultOf(webhook());
    expect(fault).toMatchObject({ permanent, detail: { code: 'HTTP_STATUS', status, response_excerpt: 'why' } });
  });

  it('takes the codes of the definition for success', async () => {
    receiver.answerWith({ status: 409 });
    expect(await bench.run(webhook({ success_codes: [200, 409] }))).toMatchObject({ detail: { status: 409 } });
    receiver.answerWith({ status: 204 });
    expect(await bench.faultOf(webhook({ success_codes: [200, 409] }))).toMatchObject({ permanent: true });
  });

  it('does not follow a redirect, and says what to do', async () => {
    receiver.answerWith({ status: 302, headers: { location: `${receiver.url}/elsewhere` } });
    const fault = await bench.faultOf(webhook());
    expect(fault.message).toContain('put the final address into the URL');
    expect(fault.detail.location).toBe(`${receiver.url}/elsewhere`);
    expect(receiver.count()).toBe(1);
  });

  it('honours Retry-After in seconds and as a date', async () => {
    receiver.answerWith({ status: 429, headers: { 'retry-after': '7' } });
    expect((await bench.faultOf(webhook())).retry_after_ms).toBe(7_000);
    receiver.answerWith({ status: 503, headers: { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() } });
    const { retry_after_ms } = await bench.faultOf(webhook());
    expect(retry_after_ms).toBeGreaterThan(3_500_000);
    expect(retry_after_ms).toBeLessThanOrEqual(3_600_000);
  });

  it.each([
    ['120', 120_000],
    ['0', 0],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 0],
    ['Thu, 01 Jan 2026 00:00:10 GMT', 10_000],
    ['Thursday, 01-Jan-26 00:00:10 GMT', 10_000],
    ['Thu Jan  1 00:00:10 2026', 10_000],
    ['soon', null],
    ['soon 2', null],
    ['Mon 2030', null],
    ['Thu, 01 Jan 2026 00:00:10', null],
    ['2026-01-01T00:00:10Z', null],
    ['1.5', null],
    ['-5', null],
    ['', null],
    [undefined, null],
  ])('reads Retry-After %j', (value, expected) => {
    expect(parseRetryAfter(value, Date.parse('2026-01-01'))).toBe(expected);
  });

  it('hides secrets in what the destination echoes before it is cut, and cuts between characters', async () => {
    const secret = 'the-secret-of-the-product';
    const hiding = createActionBench({ redact: (text) => text.replaceAll(secret, '[redacted]') });
    try {
      receiver.answerWith({ status: 500, body: `${'x'.repeat(2_040)}${secret} ${'y'.repeat(9_000)}` });
      const { detail } = await hiding.faultOf(webhook());
      expect(detail.response_excerpt).toBe(`${'x'.repeat(2_040)}[redact…`);
      receiver.answerWith({ status: 302, headers: { location: `/${'l'.repeat(990)}${secret}` } });
      expect(JSON.stringify((await hiding.faultOf(webhook())).detail)).not.toContain(secret.slice(0, 8));
      receiver.answerWith({ status: 500, body: `${'x'.repeat(2_046)}😀\u0000z` });
      expect((await hiding.faultOf(webhook())).detail.response_excerpt).toBe(`${'x'.repeat(2_046)}…`);
      receiver.answerWith({ status: 500, body: 'a\u0000b' });
      expect((await hiding.faultOf(webhook())).detail.response_excerpt).toBe('ab');
    } finally {
      await hiding.stop();
    }
  });

  it('keeps at most 2 kB of an answer', async () => {
    receiver.answerWith({ status: 500, body: 'x'.repeat(10_000) });
    expect((await bench.faultOf(webhook())).detail.response_excerpt).toHaveLength(2_048);
  });

  it('reads 64 kB of an endless answer and cuts the connection', async () => {
    let sent = 0;
    const body = new Readable({
      read() {
        sent += 65_536;
        this.push(Buffer.alloc(65_536));
      },
    });
    receiver.answerWith({ body });
    expect(await bench.run(webhook())).toMatchObject({ detail: { status: 200 } });
    expect(sent).toBeLessThan(1_000_000_000);
    receiver.answerWith({});
    expect(await bench.run(webhook())).toMatchObject({ detail: { status: 200 } });
  });
});

describe('how values are written', () => {
  const value = { payload: '{"v": "a b\\"&c=d~\'é", "n": 1.50}' };
  it.each([
    ['application/json', '{{payload.v}}', '"a b\\"&c=d~\'é"'],
    ['application/vnd.api+json; charset=utf-8', '{{payload.v}}', '"a b\\"&c=d~\'é"'],
    ['application/x-ndjson', '{{payload.v}}\n{{payload.n}}', '"a b\\"&c=d~\'é"\n1.50'],
    ['text/plain', '{"v": {{payload.v}}}', '{"v": "a b\\"&c=d~\'é"}'],
    ['text/plain', '[{{payload.v}}]', '["a b\\"&c=d~\'é"]'],
    ['text/plain', 'v={{payload.v}}', 'v=a b"&c=d~\'é'],
    ['application/x-www-form-urlencoded', 'v={{payload.v}}&n={{payload.n}}', 'v=a+b%22%26c%3Dd%7E%27%C3%A9&n=1.50'],
    ['application/jsonish', '{{payload.n}}', '1.50'],
  ])('in a body of %s: %s', async (type, body, wanted) => {
    await bench.run(webhook({ headers: { 'Content-Type': type }, body }), value);
    expect(receiver.requests[0]?.text).toBe(wanted);
    await bench.run({ type: 'publish', topic: 'out', payload: body, content_type: type }, value);
    expect(bench.published.at(-1)?.payload.toString()).toBe(wanted);
  });
});

describe('a value in the path of a URL', () => {
  it.each(['{{payload.id}}', '{{payload.id}}/x', 'x-{{payload.id}}', '{{$trim(payload.id)}}'])(
    'is never empty: %s',
    async (path) => {
      const action = webhook({ method: 'DELETE', url: `${receiver.url}/users/${path}` });
      const fault = await bench.faultOf(action, { payload: '{"id": ""}' });
      expect(fault).toMatchObject({ permanent: true, detail: { code: 'TEMPLATE_EMPTY_VALUE' } });
      expect(receiver.requests).toHaveLength(0);
    },
  );

  it('is empty where the template says so, and in the query', async () => {
    const scope = { payload: '{"id": ""}' };
    await bench.run(webhook({ url: `${receiver.url}/users/{{payload.id?}}` }), scope);
    await bench.run(webhook({ url: `${receiver.url}/users?id={{payload.id}}` }), scope);
    expect(receiver.requests.map(({ url }) => url)).toEqual(['/users/', '/users?id=']);
  });
});

describe('faults on the way', () => {
  it('ends in the phase that takes too long', async () => {
    receiver.answerWith({ fault: 'hang' });
    expect(await bench.faultOf(webhook({ timeout_ms: 100 }))).toMatchObject({
      permanent: false,
      detail: { code: 'TIMEOUT', phase: 'headers' },
    });
    receiver.answerWith({ fault: 'hang-after-headers' });
    expect(await bench.faultOf(webhook({ timeout_ms: 100 }))).toMatchObject({
      permanent: false,
      detail: { code: 'TIMEOUT', phase: 'body' },
    });
  });

  it('ends while it connects to a server that takes no connection', async () => {
    // TLS against a server that never says anything: connected, but no connection yet.
    const silent = await listenSilently();
    try {
      const { port } = silent.address() as { port: number };
      const fault = await bench.faultOf(webhook({ url: `https://127.0.0.1:${port}/`, timeout_ms: 150 }));
      expect(fault).toMatchObject({ permanent: false, detail: { code: 'TIMEOUT', phase: 'connect' } });
    } finally {
      silent.close();
    }
  });

  it('says so when the connection is cut or refused', async () => {
    receiver.answerWith({ fault: 'reset' });
    expect(await bench.faultOf(webhook())).toMatchObject({ permanent: false, detail: { phase: 'headers' } });
    const gone = await startHttpReceiver();
    await gone.stop();
    expect(await bench.faultOf(webhook({ url: gone.url }))).toMatchObject({
      permanent: false,
      detail: { code: 'ECONNREFUSED', phase: 'connect' },
    });
  });

  it('stops when the listener stops', async () => {
    receiver.answerWith({ fault: 'hang' });
    const stopping = new AbortController();
    const fault = bench.faultOf(webhook(), { signal: stopping.signal });
    await receiver.waitForRequests(1);
    stopping.abort();
    expect(await fault).toMatchObject({ permanent: false, detail: { code: 'ABORTED' } });
  });

  it('does not reach what the egress policy refuses, by address or by name', async () => {
    const guarded = createActionBench({ egressAllow: [] });
    try {
      for (const url of [
        receiver.url,
        receiver.url.replace('127.0.0.1', 'localhost'),
        'http://169.254.169.254/latest',
        'http://[::ffff:127.0.0.1]:1/',
      ]) {
        expect(await guarded.faultOf(webhook({ url }))).toMatchObject({
          permanent: true,
          detail: { code: 'EGRESS_REFUSED' },
        });
      }
      expect(receiver.count()).toBe(0);
    } finally {
      await guarded.stop();
    }
  });

  it('fails for good when a value would choose another path', async () => {
    for (const name of ['..', '.', '%2e%2E']) {
      const url = `${receiver.url}/api/${name === '%2e%2E' ? '%2e%2E' : '{{payload.v}}'}/x`;
      // As it may have been stored: at save the one that is written out is refused.
      const stored = { id: 'a1', enabled: true, type: 'webhook', url };
      const scope = buildScope({ payload: JSON.stringify({ v: name }) });
      await expect(bench.runner.run(stored, scope, { attempt: 1 })).rejects.toMatchObject({
        permanent: true,
        detail: { code: 'INVALID_URL' },
      });
    }
    await bench.run(webhook({ url: `${receiver.url}/api/{{payload.v}}/x` }), {
      payload: '{"v": "../../admin?x#y@evil.test:80"}',
    });
    expect(receiver.requests[0]?.url).toBe('/api/..%2F..%2Fadmin%3Fx%23y%40evil.test%3A80/x');
  });

  it('fails for good with a value that a header can not hold', async () => {
    const fault = await bench.faultOf(webhook({ headers: { 'x-v': '{{payload.v}}' } }), {
      payload: '{"v": "a\\r\\nX-Evil: 1"}',
    });
    expect(fault).toMatchObject({ permanent: true, detail: { code: 'TEMPLATE_HEADER_VALUE' } });
    expect(receiver.count()).toBe(0);
  });

  it('fails for good when the payload is not JSON', async () => {
    const fault = await bench.faultOf(webhook(), { payload: '{"a":' });
    expect(fault).toMatchObject({ permanent: true, detail: { code: 'NOT_JSON', position: { line: 1, column: 6 } } });
  });
});

describe('a stored URL that no check has seen', () => {
  it('never lets a message choose the host', async () => {
    const stored = { id: 'a1', enabled: true, type: 'webhook', url: '{{secrets.BASE}}{{payload.v}}/x' };
    const scope = buildScope({ payload: '{"v": ".evil.test"}', secrets: { BASE: 'https://example' } });
    await expect(bench.runner.run(stored, scope, { attempt: 1 })).rejects.toMatchObject({
      permanent: true,
      detail: { code: 'INVALID_URL' },
    });
  });
});

describe('a signing secret', () => {
  it.each([16, 23, 65])('of %d bytes is refused', async (bytes) => {
    const secrets = { KEY: `whsec_${Buffer.alloc(bytes, 1).toString('base64')}` };
    expect(await bench.faultOf(webhook({ signing_secrets: ['KEY'] }), { secrets })).toMatchObject({
      permanent: true,
      detail: { code: 'SIGNING_SECRET' },
    });
  });

  it.each([24, 64])('of %d bytes signs', async (bytes) => {
    const secrets = { KEY: `whsec_${Buffer.alloc(bytes, 1).toString('base64')}` };
    await bench.run(webhook({ signing_secrets: ['KEY'] }), { secrets });
    expect(receiver.requests[0]?.headers['webhook-signature']).toMatch(/^v1,/);
  });
});

describe('mutual TLS', () => {
  it('shows its certificate, and trusts the given authority only', async () => {
    const { ca, server, client, foreignClient } = await createTestCertificates();
    const secured = await startHttpReceiver({ tls: { cert: server.cert, key: server.key, clientCa: ca.cert } });
    try {
      const action = {
        type: 'webhook',
        url: secured.url,
        ca_cert: ca.cert,
        client_cert_secret: 'CERT',
        client_key_secret: 'KEY',
      };
      await bench.run(action, { secrets: { CERT: client.cert, KEY: client.key } });
      expect(secured.count()).toBe(1);
      expect(
        await bench.faultOf(action, { secrets: { CERT: foreignClient.cert, KEY: foreignClient.key } }),
      ).toMatchObject({ permanent: false });
      const mixed = await bench.faultOf(action, { secrets: { CERT: client.cert, KEY: foreignClient.key } });
      expect(mixed).toMatchObject({ permanent: true, detail: { code: 'TLS_MATERIAL' } });
      expect(mixed.message).toBe('client_key_secret does not belong to the client certificate');
      const untrusted = await bench.faultOf({ type: 'webhook', url: secured.url });
      expect(untrusted.message).toContain('certificate');
      expect(secured.count()).toBe(1);
    } finally {
      await secured.stop();
    }
  });
});

describe('TLS material and signing keys are checked at save where they are known', () => {
  it('names the field of ours that does not fit', async () => {
    const { ca, client, foreignClient } = await createTestCertificates();
    const secrets: Record<string, string> = {
      CERT: client.cert,
      KEY: client.key,
      OTHER: foreignClient.key,
      SHORT: `whsec_${Buffer.alloc(16).toString('base64')}`,
    };
    const faultsOf = (fields: object) =>
      validateActions([{ type: 'webhook', url: 'https://example.test/', ...fields }], {
        context: { secretNames: new Set(Object.keys(secrets)), secretValue: (name) => secrets[name] ?? null },
      }).faults.map(({ field, message }) => `${field} ${message}`);
    const pair = { client_cert_secret: 'CERT', client_key_secret: 'KEY' };
    expect(faultsOf({ ...pair, ca_cert: ca.cert })).toEqual([]);
    expect(faultsOf({ ...pair, client_key_secret: 'OTHER' })).toEqual([
      'actions[0].client_key_secret does not belong to the client certificate',
    ]);
    expect(faultsOf({ ca_cert: client.key })[0]).toMatch(/^actions\[0\]\.ca_cert holds a private key/);
    expect(faultsOf({ ca_cert: 'nonsense' })[0]).toMatch(/^actions\[0\]\.ca_cert holds no certificate/);
    expect(faultsOf({ signing_secrets: ['SHORT'] })[0]).toMatch(/^actions\[0\]\.signing_secrets\[0\] .*24 to 64 bytes/);
    expect(faultsOf({ ...pair, client_cert_secret: 'SHORT' })[0]).toMatch(/^actions\[0\]\.client_cert_secret holds no/);
  });
});

describe('a definition is refused', () => {
  const check = (fields: object, secrets?: string[]) =>
    validateActions([{ type: 'webhook', url: 'https://example.test/', ...fields }], {
      context: { secretNames: secrets ? new Set(secrets) : null },
    }).faults;

  it.each([
    [{ url: 'https://{{payload.host}}/x' }, 'url'],
    [{ url: 'https://a.{{topic}}/x' }, 'url'],
    [{ url: 'https://example.test:{{payload.port}}/' }, 'url'],
    [{ url: 'https://example.test{{payload.x}}/' }, 'url'],
    [{ url: '{{payload.url}}' }, 'url'],
    [{ url: 'ftp://example.test/' }, 'url'],
    [{ url: 'https://user:pw@example.test/' }, 'url'],
    [{ url: 'https://example.test/{{payload.' }, 'url'],
    [{ headers: { 'bad name': 'x' } }, 'headers.bad name'],
    [{ headers: { Host: 'x' } }, 'headers.Host'],
    [{ headers: { 'webhook-signature': 'x' } }, 'headers.webhook-signature'],
    [{ headers: { a: 'x\r\ny' } }, 'headers.a'],
    [{ headers: { a: 7 } }, 'headers.a'],
    [{ method: 'GET', body: 'x' }, 'body'],
    [{ body: '{{payload.x' }, 'body'],
    [{ when: 'payload.' }, 'when'],
    [{ input: '$eval("1")' }, 'input'],
    [{ client_cert_secret: 'A' }, 'client_key_secret'],
    [{ signing_secrets: ['A'] }, 'signing_secrets[0]'],
    [{ url: 'https://example.test/{{secrets.A}}' }, 'url'],
    [{ url: 'https://example.test/a/../b' }, 'url'],
    [{ url: 'https://example.test/%2E%2e/{{payload.x}}' }, 'url'],
    [{ url: 'https://example.test/./x?a=1' }, 'url'],
    [{ url: '{{secrets.A}}/../x' }, 'url'],
    [{ url: '{{secrets.A}}{{payload.host}}/x' }, 'url'],
    [{ url: '{{secrets.A}}.example.com/x' }, 'url'],
    [{ url: '{{secrets.A}}:8080/x' }, 'url'],
    [{ headers: { a: 'naïve', b: 'snow ☃' } }, 'headers.b'],
    [{ headers: { a: 'snow ☃ {{payload.x}}' } }, 'headers.a'],
    [{ headers: { a: 'bell \u0007' } }, 'headers.a'],
  ])('%j at %s', (fields, field) => {
    expect(check(fields, []).map((fault) => fault.field)).toContain(`actions[0].${field}`);
  });

  it.each([
    [{ url: 'https://example.test:8443/{{payload.x}}?a={{topic}}#{{qos}}' }],
    [{ url: 'https://example.test?x={{payload.x}}' }],
    [{ url: '{{secrets.A}}' }],
    [{ url: '{{secrets.A}}/x' }],
    [{ url: '{{secrets.A}}?x={{payload.x}}' }],
    [{ url: 'https://example.test/a..b/.well-known/...?x=/../' }],
    [{ headers: { a: 'naïve' } }],
    [{ url: 'https://{{secrets.A}}/x/{{payload.x}}' }],
    [{ headers: { Authorization: 'Bearer {{secrets.A}}' }, signing_secrets: ['A'] }],
  ])('but not %j', (fields) => {
    expect(check(fields, ['A'])).toEqual([]);
  });
});

function listenSilently(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.on('error', () => {}));
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
