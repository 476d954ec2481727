import { validateActions } from './action-registry';
import { credentialFault, credentialsIn, urlCredentialFaults } from './credential-literals';

describe('a credential that is written out', () => {
  it.each([
    ['Authorization', 'Bearer abcdef0123456789'],
    ['authorization', 'Basic dXNlcjpwYXNz'],
    ['Cookie', 'session=abc123'],
    ['X-API-Key', 'k-0123456789'],
    ['api_key', 'k-0123456789'],
    ['X-Auth-Token', 'abcdef'],
    ['proxy-authorization', 'Bearer abc def'],
    ['x-token', 'prefix-{{payload.id}}'],
  ])('is refused: %s: %s', (name, value) => {
    expect(credentialFault('headers.x', name, value)).toMatchObject({ message: expect.stringContaining('{{secrets.') });
  });

  it.each([
    ['Authorization', 'Bearer {{secrets.TOKEN}}'],
    ['Authorization', '{{secrets.SCHEME}} {{secrets.TOKEN}}'],
    ['Cookie', 'session={{secrets.SESSION}}; theme=dark-blue'],
    ['X-API-Key', '{{payload.key}}'],
    ['Authorization', 'Bearer '],
    ['Idempotency-Key', 'order-0123456789'],
    ['X-Monkey', 'banana-banana'],
    ['X-Tokenizer', 'whitespace'],
    ['keyboard', 'qwertz-layout'],
    ['key', 'none'],
  ])('is not: %s: %s', (name, value) => {
    expect(credentialFault('headers.x', name, value)).toBeNull();
  });

  it('is named in headers and user properties', () => {
    const { faults } = validateActions([
      { type: 'webhook', url: 'https://example.test/', headers: { Authorization: 'Bearer abcdef012345' } },
      { type: 'publish', topic: 'a', user_properties: { 'auth-token': 'abcdef012345', kind: 'order-created' } },
    ]);
    expect(faults.map(({ field }) => field)).toEqual([
      'actions[0].headers.Authorization',
      'actions[1].user_properties.auth-token',
    ]);
  });

  it.each([
    'https://example.test/hook?token=abcdef0123456789',
    'https://example.test/hook?a=1&api%5Fkey=abcdef0123456789#x',
    'https://user:a-password@example.test/',
    'postgres://app:a-password@db.example.test/orders',
    'https://hooks.slack.com/services/T0000/B0000/abcdefgh',
    'https://discord.com/api/webhooks/123456/abcdefghijklmnopqrstuvwxyz',
    'https://api.telegram.org/bot123456:abcdefghijklmnopqrstuvwxyz/sendMessage',
  ])('is found in the URL %s', (url) => {
    expect(urlCredentialFaults('url', url)).toMatchObject([{ message: expect.stringContaining('{{secrets.NAME}}') }]);
  });

  it.each([
    'https://example.test/hook?token={{secrets.TOKEN}}',
    'https://example.test/?key={{payload.key}}&page_token=',
    'https://example.test/a:b@c?order=abcdef0123456789',
    'https://hooks.slack.com/services/{{secrets.SLACK_PATH}}',
    '{{secrets.URL}}/hook',
    'mqtt://broker.example.test:1883',
  ])('is not in the URL %s', (url) => {
    expect(urlCredentialFaults('url', url)).toEqual([]);
  });

  it('is refused in the URL of a webhook, and found anywhere in a value', () => {
    const { faults } = validateActions([{ type: 'webhook', url: 'https://example.test/?token=abcdef0123456789' }]);
    expect(faults).toMatchObject([{ field: 'actions[0].url' }]);
    const value = { a: [{ headers: { 'X-Api-Key': 'abcdef0123' } }], b: { c: 'x https://u:secret-word@host/' } };
    expect(credentialsIn('x', value).map(({ field }) => field)).toEqual(['x.a[0].headers.X-Api-Key']);
    expect(credentialsIn('x', { url: 'https://u:secret-word@host/' })).toHaveLength(1);
  });
});
