import { returnPath } from './return-path';

describe('the page after a sign-in', () => {
  it.each(['/products/1', '/products?search=a%20b#x', '/'])('is the one that was asked for: %s', (path) => {
    expect(returnPath(path)).toBe(path);
  });

  it.each([
    undefined,
    '',
    'products',
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '/./\\evil.example',
    '/..//evil.example',
    '/x/..//evil.example',
    '/%0d%0aLocation:',
    'javascript:alert(1)',
    '/api/v1/auth/oidc/corp/start',
    '/x/../api/v1/products',
    `/${'x'.repeat(2_001)}`,
  ])('is never elsewhere: %s', (path) => {
    const to = returnPath(path);
    expect(new URL(to, 'https://mqtt.example.com').origin).toBe('https://mqtt.example.com');
    expect(to.startsWith('/%0d') || to === '/products').toBe(true);
  });
});
