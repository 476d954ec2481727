import { actionFields, fieldsOf, isBlank } from './schema-fields';

const schema = {
  type: 'object',
  required: ['type', 'url'],
  properties: {
    type: { type: 'string', const: 'webhook' },
    url: { type: 'string', title: 'URL', 'x-editor': 'template' as const },
    method: { type: 'string', enum: ['POST', 'PUT'] },
    headers: { type: 'object', additionalProperties: { type: 'string' } },
    body: { type: 'string', 'x-editor': 'template' as const, 'x-multiline': true },
    signing_secrets: { type: 'array', items: { type: 'string' }, 'x-editor': 'secret' as const },
    success_codes: { type: 'array', items: { type: 'integer' } },
    client_cert_secret: { type: 'string', 'x-editor': 'secret' as const },
    when: { type: 'string', 'x-editor': 'jsonata' as const },
    retry: { type: 'object', properties: { max_attempts: { type: 'integer', minimum: 1, maximum: 50 } } },
    timeout_ms: { type: ['integer', 'null'] },
    anything: { type: 'object' },
  },
};

describe('the form of an action', () => {
  it('has an editor for each kind of value', () => {
    const kinds = Object.fromEntries(fieldsOf(schema).map((field) => [field.name, field.kind]));
    expect(kinds).toMatchObject({
      url: 'template',
      method: 'choice',
      headers: 'map',
      body: 'multiline-template',
      signing_secrets: 'secrets',
      success_codes: 'integer-list',
      client_cert_secret: 'secret',
      when: 'jsonata',
      retry: 'group',
      timeout_ms: 'integer',
      anything: 'json',
    });
  });

  it('keeps what every action has, and what few need, apart from what makes the type', () => {
    const fields = actionFields(schema);
    expect(fields.own.map((field) => field.name)).toEqual([
      'url',
      'method',
      'headers',
      'body',
      'signing_secrets',
      'anything',
    ]);
    expect(fields.rare.map((field) => field.name)).toEqual(['success_codes', 'client_cert_secret']);
    expect(fields.flow.map((field) => field.name)).toEqual(['when']);
    expect(fields.limits[0]?.fields[0]).toMatchObject({ name: 'max_attempts', label: 'Max attempts', maximum: 50 });
  });

  it('takes titles, help and what is required from the schema', () => {
    expect(fieldsOf(schema)[1]).toMatchObject({ label: 'URL', required: true });
  });
});

describe('a value that is not given', () => {
  it.each([[undefined], [null], [''], [[]], [{}]])('%p is blank', (value) => {
    expect(isBlank(value)).toBe(true);
  });

  it.each([[0], [false], ['x'], [[1]], [{ a: '' }]])('%p is not', (value) => {
    expect(isBlank(value)).toBe(false);
  });
});
