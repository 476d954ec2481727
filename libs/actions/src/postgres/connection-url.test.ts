import { connectionUrlFault, parseConnectionUrl } from './connection-url';

describe('a connection URL', () => {
  it('is read in its parts', () => {
    expect(
      parseConnectionUrl('postgresql://me:p%40ss@[::1]:6432/sh%20op?sslmode=no-verify&options=-c%20x%3Dy', 'DB'),
    ).toEqual({
      host: '::1',
      port: 6432,
      user: 'me',
      password: 'p@ss',
      database: 'sh op',
      tls: 'unverified',
      application_name: null,
      options: '-c x=y',
    });
    expect(parseConnectionUrl('postgres://me@db', 'DB')).toMatchObject({ port: 5432, database: 'me', tls: 'off' });
  });

  it.each([
    ['sslmode=disable', 'off'],
    ['sslmode=require', 'full'],
    ['sslmode=verify-ca', 'full'],
    ['ssl=true', 'full'],
    ['sslmode=require&uselibpqcompat=true', 'unverified'],
    ['sslmode=verify-ca&uselibpqcompat=true', 'authority'],
    ['connect_timeout=10&channel_binding=require&application_name=x', 'off'],
  ])('with %s has TLS %s', (query, tls) => {
    expect(parseConnectionUrl(`postgres://u:p@db/x?${query}`, 'DB').tls).toBe(tls);
  });

  it.each([
    'nonsense',
    'http://h/x',
    'postgres:///x',
    'postgres://%2Ftmp/x',
    'postgres://%2Fvar%2Frun%2Fpostgresql/x',
    'socket:/tmp',
    'postgres://h/x?host=/tmp',
    'postgres://h/x?sslcert=/etc/passwd',
    'postgres://h/x?sslkey=/etc/passwd',
    'postgres://h/x?sslrootcert=/etc/passwd',
    'postgres://h/x?port=1',
    'postgres://h/x?user=x',
    'postgres://h/x?statement_timeout=0',
    'postgres://h/x?sslmode=whatever',
    'postgres://u:50%@h/x',
  ])('like %s is refused, and not repeated', (url) => {
    expect(connectionUrlFault(url)).not.toBeNull();
    const parse = () => parseConnectionUrl(url, 'DB');
    expect(parse).toThrow(expect.objectContaining({ permanent: true, detail: { code: 'CONNECTION_URL' } }));
    expect(parse).not.toThrow(url);
  });
});
