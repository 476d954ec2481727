import { validateActions } from './action-registry';
import { credentialFault } from './credential-literals';

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
});
