import { createRedactor } from './redactor';
import { isSensitiveKey } from './sensitive-keys';

const secret = 'p/+ss "wörd" 99';

function withSecret() {
  const redactor = createRedactor();
  redactor.addSecret(secret);
  return redactor;
}

describe('redaction by value', () => {
  it('hides a secret anywhere in a text, in any of its usual spellings', () => {
    const redactor = withSecret();
    const spellings = [
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(secret).toString('base64'),
    ];
    for (const spelling of spellings) {
      expect(redactor.redactText(`before ${spelling} after`)).toBe('before [redacted] after');
    }
  });

  it('hides it deep in objects, in keys, in errors and their causes', () => {
    const redactor = withSecret();
    const error = new Error(`refused ${secret}`, { cause: new Error(secret) });
    const text = JSON.stringify(
      redactor.redact({ a: [{ [secret]: new Map([['k', secret]]) }], error, u: new Set([secret]) }),
    );
    expect(text).not.toContain('wörd');
    expect(text.match(/\[redacted\]/g)?.length).toBeGreaterThanOrEqual(5);
  });

  it('hides the longer of two secrets whole', () => {
    const redactor = createRedactor();
    redactor.addSecret('hunter22');
    redactor.addSecret('hunter22-and-more');
    expect(redactor.redactText('hunter22-and-more')).toBe('[redacted]');
  });

  it('hides overlapping and adjacent secrets without leaving a tail', () => {
    const redactor = createRedactor();
    for (const value of ['abcdefgh', 'efghijkl', 'QQQQQQ']) redactor.addSecret(value);
    expect(redactor.redactText('<abcdefghijkl>')).toBe('<[redacted]>');
    expect(redactor.redactText('QQQQQQQQQQQQ abcdefg')).toBe('[redacted] abcdefg');
  });

  it('keeps a value hidden that another secret still spells', () => {
    const redactor = createRedactor();
    const inner = Buffer.from('hunter2222').toString('base64');
    redactor.addSecret('hunter2222');
    redactor.addSecret(inner);
    redactor.removeSecret(inner);
    expect(redactor.redactText(`${inner} hunter2222`)).toBe('[redacted] [redacted]');
    redactor.removeSecret('hunter2222');
    redactor.removeSecret('never added');
    expect(redactor.redactText(`${inner} hunter2222`)).toBe(`${inner} hunter2222`);
  });

  it('copes with many large secrets', () => {
    const redactor = createRedactor();
    const secrets = Array.from({ length: 500 }, (_, i) => `-----BEGIN-${i}-${'x'.repeat(3_000)}-${i}`);
    for (const value of secrets) redactor.addSecret(value);
    expect(redactor.redactText(`a ${secrets[499]} b ${secrets[0]}`)).toBe('a [redacted] b [redacted]');
  });

  it('shows a secret again once every owner has removed it', () => {
    const redactor = withSecret();
    redactor.addSecret(secret);
    redactor.removeSecret(secret);
    expect(redactor.redactText(secret)).toBe('[redacted]');
    redactor.removeSecret(secret);
    expect(redactor.redactText(secret)).toBe(secret);
  });

  it('does not take short or missing values for secrets', () => {
    const redactor = createRedactor();
    for (const value of ['on', '1883', '', null, undefined]) redactor.addSecret(value);
    expect(redactor.redactText('port 1883 is on')).toBe('port 1883 is on');
  });

  it('hides secrets with half a surrogate pair', () => {
    const redactor = createRedactor();
    redactor.addSecret('secret\ud800');
    expect(redactor.redactText('a secret\ud800')).toBe('a [redacted]');
  });
});

describe('redaction by field name', () => {
  it.each([
    'password',
    'MQTT_PASSWORD',
    'client_key',
    'X-API-Key',
    'accessToken',
    'set-cookie',
    'Authorization',
    'password_hash',
    'secrets',
    'encryptionKey',
    'newPassword',
  ])('hides %s', (key) => {
    expect(isSensitiveKey(key)).toBe(true);
    expect(createRedactor().redact({ [key]: 'anything' })).toEqual({ [key]: '[redacted]' });
  });

  it.each(['password_set', 'token_id', 'secret_names', 'key', 'key_id', 'topic', 'tokenizer', 'author', 'monkey'])(
    'shows %s',
    (key) => {
      expect(createRedactor().redact({ [key]: 'anything' })).toEqual({ [key]: 'anything' });
    },
  );

  it('shows that there is no secret, or whether there is one', () => {
    expect(createRedactor().redact({ password: null, token: true, secret: '' })).toEqual({
      password: null,
      token: true,
      secret: '',
    });
  });

  it('hides whole objects and numbers', () => {
    expect(createRedactor().redact({ secrets: { A: 'a' }, password: 12345678 })).toEqual({
      secrets: '[redacted]',
      password: '[redacted]',
    });
  });
});

describe('redaction by form', () => {
  const redactor = createRedactor();
  it.each([
    ['postgres://cortex:pw@db:5432/x', 'postgres://cortex:[redacted]@db:5432/x'],
    ['redis://:p@ss@cache', 'redis://:[redacted]@cache'],
    ['GET /x?token=abc&y=1', 'GET /x?token=[redacted]&y=1'],
    ['Authorization: Bearer abc.def.ghi', 'Authorization: Bearer [redacted]'],
    ['body {"password": "a\\"b", "user":"u"}', 'body {"password": "[redacted]", "user":"u"}'],
    [
      'key -----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----',
      'key -----BEGIN EC PRIVATE KEY----- [redacted]',
    ],
    ['http://host:80/users/me', 'http://host:80/users/me'],
  ])('turns %p into %p', (text, expected) => {
    expect(redactor.redactText(text)).toBe(expected);
  });
});

describe('values that are hard to write', () => {
  const redactor = createRedactor();

  it('marks cycles, and repeats what merely occurs twice', () => {
    const shared = { a: 1 };
    const cyclic: Record<string, unknown> = { first: shared, second: shared };
    cyclic.self = cyclic;
    expect(redactor.redact(cyclic)).toEqual({ first: { a: 1 }, second: { a: 1 }, self: '[circular]' });
  });

  it('survives getters, proxies and toJSON that throw', () => {
    const hostile = {
      ok: 1,
      get bad() {
        throw new Error('no');
      },
      proxy: new Proxy(
        {},
        {
          ownKeys() {
            throw new Error('no');
          },
          getPrototypeOf() {
            throw new Error('no');
          },
        },
      ),
      json: {
        toJSON() {
          throw new Error('no');
        },
      },
    };
    expect(redactor.redact(hostile)).toEqual({
      ok: 1,
      bad: '[unreadable]',
      proxy: '[unreadable]',
      json: '[unreadable]',
    });
  });

  it('writes what JSON cannot', () => {
    expect(
      redactor.redact({
        n: 10n,
        nan: Number.NaN,
        f: () => 1,
        b: Buffer.from('abc'),
        d: new Date(0),
        bad: new Date(Number.NaN),
        m: new Map([['f', () => 1]]),
        gone: undefined,
      }),
    ).toEqual({
      n: '10',
      nan: 'NaN',
      f: '[function]',
      b: '[3 bytes]',
      d: '1970-01-01T00:00:00.000Z',
      bad: 'invalid date',
      m: { f: '[function]' },
    });
  });

  it('serialises errors with code, stack, cause and the errors of an aggregate', () => {
    const error = Object.assign(new AggregateError([new Error('one')], 'all', { cause: 'why' }), { code: 'E_ALL' });
    expect(redactor.redact(error)).toEqual({
      name: 'AggregateError',
      message: 'all',
      code: 'E_ALL',
      stack: expect.stringContaining('AggregateError: all'),
      cause: 'why',
      errors: [expect.objectContaining({ message: 'one' })],
    });
  });

  it('bounds depth, width and length', () => {
    let deep: unknown = 'end';
    for (let i = 0; i < 1_000; i += 1) deep = { deep };
    const text = JSON.stringify(
      redactor.redact({ deep, wide: new Array(1_000_000).fill('x'), long: 'y'.repeat(1_000_000) }),
    );
    expect(text).toContain('[too deep]');
    expect(text).toContain('[too large]');
    expect(text.length).toBeLessThan(500_000);
  });
});
