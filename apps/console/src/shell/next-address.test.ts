import { isServerPage, safeNext } from './next-address';

describe('where a link leads after signing in', () => {
  it('is a path of this server, with query and fragment', () => {
    expect(safeNext('/admin/queues')).toBe('/admin/queues');
    expect(safeNext('/products?q=a#b')).toBe('/products?q=a#b');
  });

  it.each([
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '',
    null,
  ])('is never %j', (next) => {
    expect(safeNext(next)).toBeNull();
  });

  it('tells the pages of the server from those of the console', () => {
    expect(['/admin/queues', '/docs', '/administrators', '/products'].map(isServerPage)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
