import type { LookupAddress } from 'node:dns';
import { createServer as createHttpServer, get } from 'node:http';
import { type AddressInfo, connect, createServer, isIP, type Server } from 'node:net';
import { EgressAllowError } from './allow-list';
import { createEgressPolicy, type EgressPolicy, type Resolve } from './egress-policy';
import { EgressRefusedError } from './egress-refused-error';

const strict = createEgressPolicy({ allow: [] });
const everything = createEgressPolicy({
  allow: ['loopback', 'private', '0.0.0.0/0', '::/0', '*.example.com', 'a.test'],
});

function reasonFor(policy: EgressPolicy, host: string): string {
  try {
    policy.checkLiteral(host);
    return 'allowed';
  } catch (error) {
    if (error instanceof EgressRefusedError) return error.reason;
    throw error;
  }
}

const resolvesTo =
  (...addresses: string[]): Resolve =>
  (_host, _options, callback) => {
    callback(
      null,
      addresses.map((address) => ({ address, family: isIP(address) })),
    );
  };

function lookup(policy: EgressPolicy, host: string, options: object | number = { all: true }): Promise<unknown> {
  return new Promise((resolve, reject) => {
    policy.lookup(host, options as never, (error, address, family) => {
      if (error) reject(error);
      else resolve(family === undefined ? address : [address, family]);
    });
  });
}

describe('addresses that are refused whatever is listed', () => {
  it.each([
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['::', 'unspecified'],
    ['169.254.169.254', 'link_local'],
    ['169.254.0.1', 'link_local'],
    ['fe80::1', 'link_local'],
    ['fe80::1%eth0', 'link_local'],
    ['febf::1', 'link_local'],
    ['100.100.100.200', 'metadata'],
    ['168.63.129.16', 'metadata'],
    ['192.0.0.192', 'metadata'],
    ['fd00:ec2::254', 'metadata'],
    ['fd20:ce::254', 'metadata'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.250', 'multicast'],
    ['ff02::1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
  ])('%s is %s', (host, reason) => {
    expect(reasonFor(everything, host)).toBe(reason);
    expect(reasonFor(createEgressPolicy({ allow: [host.replace(/%.*/, '')] }), host)).toBe(reason);
  });

  it('stay refused behind a listed host name', async () => {
    const policy = createEgressPolicy({ allow: ['a.test'], resolve: resolvesTo('169.254.169.254') });
    await expect(lookup(policy, 'a.test')).rejects.toMatchObject({ reason: 'link_local' });
    expect(() => policy.assertAllowed('a.test', ['100.100.100.200'])).toThrow(EgressRefusedError);
  });
});

describe('addresses that are refused unless listed', () => {
  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['::1', 'loopback'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fd12:3456::1', 'private'],
    ['fc00::1', 'private'],
    ['fec0::1', 'private'],
    ['198.18.0.1', 'reserved'],
    ['192.0.2.1', 'reserved'],
    ['240.0.0.1', 'reserved'],
    ['2001:db8::1', 'reserved'],
    ['100::1', 'reserved'],
    ['4000::1', 'reserved'],
  ])('%s is %s', (host, reason) => {
    expect(reasonFor(strict, host)).toBe(reason);
    expect(reasonFor(everything, host)).toBe('allowed');
    expect(reasonFor(createEgressPolicy({ allow: [host] }), host)).toBe('allowed');
  });

  it('are allowed by kind', () => {
    const loopback = createEgressPolicy({ allow: ['loopback'] });
    expect([reasonFor(loopback, '127.0.0.2'), reasonFor(loopback, '::1'), reasonFor(loopback, '10.0.0.1')]).toEqual([
      'allowed',
      'allowed',
      'private',
    ]);
    const privateOnly = createEgressPolicy({ allow: ['private'] });
    expect([reasonFor(privateOnly, 'fd12::1'), reasonFor(privateOnly, '127.0.0.1')]).toEqual(['allowed', 'loopback']);
  });

  it('are allowed by range, and no further', () => {
    const policy = createEgressPolicy({ allow: ['10.1.0.0/16', 'fd12::/16'] });
    expect(reasonFor(policy, '10.1.255.255')).toBe('allowed');
    expect(reasonFor(policy, '10.2.0.0')).toBe('private');
    expect(reasonFor(policy, 'fd12::1')).toBe('allowed');
    expect(reasonFor(policy, 'fd13::1')).toBe('private');
  });
});

describe('public addresses', () => {
  it.each(['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1', '2a00:1450::1'])('%s needs no entry', (host) => {
    expect(reasonFor(strict, host)).toBe('allowed');
  });
});

describe('other spellings of an address', () => {
  it.each([
    ['0x7f.1', 'loopback'],
    ['2130706433', 'loopback'],
    ['017700000001', 'loopback'],
    ['0x7f000001', 'loopback'],
    ['127.1', 'loopback'],
    ['0177.0.0.1', 'loopback'],
    ['127.0.0.1.', 'loopback'],
    ['１２７.0.0.1', 'loopback'],
    ['[::1]', 'loopback'],
    ['0', 'unspecified'],
    ['0xa9fea9fe', 'link_local'],
    ['2852039166', 'link_local'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['::ffff:169.254.169.254', 'link_local'],
    ['::127.0.0.1', 'loopback'],
    ['::a00:1', 'private'],
    ['::ffff:0:10.0.0.1', 'private'],
    ['64:ff9b::10.0.0.1', 'private'],
    ['64:ff9b:1::a9fe:a9fe', 'link_local'],
    ['64:ff9b:1::808:808', 'reserved'],
    ['2002:7f00:1::', 'loopback'],
    ['2002:a9fe:a9fe::1', 'link_local'],
    ['2001:0:a00:1::', 'private'], // Teredo relay
    ['2001:0:808:808::8000:1', 'loopback'], // Teredo client, complemented: ~127.255.255.254
    ['2606:4700::5efe:127.0.0.1', 'loopback'], // ISATAP
    ['2606:4700::200:5efe:a9fe:a9fe', 'link_local'],
  ])('%s is %s', (host, reason) => {
    expect(reasonFor(strict, host)).toBe(reason);
  });

  it.each(['::ffff:8.8.8.8', '64:ff9b::808:808', '2002:808:808::1', '134744072'])('%s is public', (host) => {
    expect(reasonFor(strict, host)).toBe('allowed');
  });

  it('are covered by an entry for the address itself, and the other way round', () => {
    expect(reasonFor(createEgressPolicy({ allow: ['10.0.0.0/8'] }), '::ffff:10.0.0.1')).toBe('allowed');
    expect(reasonFor(createEgressPolicy({ allow: ['::ffff:10.0.0.1'] }), '10.0.0.1')).toBe('allowed');
  });

  it.each(['example.com', 'localhost', '1.2.3.256.example', '08.1.1.1', 'a.b.c.d', ''])('%p is a name', (host) => {
    expect(reasonFor(strict, host)).toBe('allowed');
  });
});

describe('listed names', () => {
  const policy = createEgressPolicy({
    allow: ['Broker.Internal.', '*.corp.test', 'bücher.test'],
    resolve: resolvesTo('10.0.0.1'),
  });

  it.each(['broker.internal', 'BROKER.internal.', 'a.corp.test', 'a.b.CORP.test', 'xn--bcher-kva.test', 'BÜCHER.test'])(
    '%s may resolve to a private address',
    async (host) => {
      expect(await lookup(policy, host)).toEqual([{ address: '10.0.0.1', family: 4 }]);
    },
  );

  it.each(['corp.test', 'notcorp.test', 'x.broker.internal', 'broker.internal.evil.test', 'corp.test.evil.test'])(
    '%s may not',
    async (host) => {
      await expect(lookup(policy, host)).rejects.toMatchObject({ reason: 'private', host, address: '10.0.0.1' });
    },
  );
});

describe('lookup', () => {
  it('gives only the addresses that may be reached', async () => {
    const resolve = resolvesTo('127.0.0.1', '8.8.8.8', '::1', '2606:4700::1');
    const policy = createEgressPolicy({ allow: [], resolve });
    expect(await lookup(policy, 'mixed.test')).toEqual([
      { address: '8.8.8.8', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ]);
    expect(await lookup(policy, 'mixed.test', {})).toEqual(['8.8.8.8', 4]);
  });

  it('refuses when none is left, and passes on what the resolver says', async () => {
    const none = createEgressPolicy({ allow: [], resolve: resolvesTo('127.0.0.1', '10.0.0.1') });
    await expect(lookup(none, 'x.test', {})).rejects.toMatchObject({
      name: 'EgressRefusedError',
      code: 'EGRESS_REFUSED',
      reason: 'loopback',
      advice: expect.stringContaining('EGRESS_ALLOW'),
    });
    const failing = createEgressPolicy({
      allow: [],
      resolve: (_h, _o, callback) => callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), []),
    });
    await expect(lookup(failing, 'x.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    const empty = createEgressPolicy({ allow: [], resolve: resolvesTo() });
    await expect(lookup(empty, 'x.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('hands family and hints to the resolver, and takes a bare family', async () => {
    const asked: object[] = [];
    const policy = createEgressPolicy({
      allow: [],
      resolve: (_host, options, callback) => {
        asked.push(options);
        callback(null, [{ address: '8.8.8.8', family: 4 }] satisfies LookupAddress[]);
      },
    });
    await lookup(policy, 'x.test', { family: 4, hints: 32 });
    expect(await lookup(policy, 'x.test', 4)).toEqual(['8.8.8.8', 4]);
    expect(asked).toEqual([
      { family: 4, hints: 32, all: true },
      { family: 4, all: true },
    ]);
  });

  it.each(['localhost', '0x7f.1', '2130706433'])('refuses %s through the resolver of the system', async (host) => {
    await expect(lookup(strict, host)).rejects.toMatchObject({ reason: 'loopback' });
  });
});

describe('assertAllowed', () => {
  it('refuses when any address is refused, and names it', () => {
    expect(() => strict.assertAllowed('x.test', ['8.8.8.8', '10.0.0.1'])).toThrow(
      expect.objectContaining({ host: 'x.test', address: '10.0.0.1', reason: 'private' }),
    );
    expect(() => strict.assertAllowed('x.test', ['8.8.8.8', '2606:4700::1'])).not.toThrow();
  });
});

describe('a host that a proxy connects to for us', () => {
  const policy = createEgressPolicy({
    allow: ['10.0.0.1'],
    resolve: (host, _options, done) => {
      if (host === 'unknown.test') done(Object.assign(new Error('?'), { code: 'ENOTFOUND' }), []);
      else if (host === 'mixed.test')
        done(null, [
          { address: '10.0.0.1', family: 4 },
          { address: '10.0.0.2', family: 4 },
        ]);
      else done(null, [{ address: '10.0.0.1', family: 4 }]);
    },
  });

  it('passes when each of its addresses may be reached, or none is known here', async () => {
    for (const host of ['inside.test', 'unknown.test', '10.0.0.1', '93.184.216.34']) {
      await expect(policy.checkRemote(host)).resolves.toBeUndefined();
    }
  });

  it('is refused when any of its addresses is, in whatever spelling', async () => {
    for (const host of ['mixed.test', '10.0.0.2', '169.254.169.254', '0x7f.1', '[::1]']) {
      await expect(policy.checkRemote(host)).rejects.toMatchObject({ code: 'EGRESS_REFUSED' });
    }
  });
});

describe('the allow list', () => {
  it.each(['', 'a b', '10.0.0.0/33', '*', '*.', '1.2.3', '0x7f.1', '300.1.1.1', 'http://x', '-a.test', 'a:1883'])(
    'does not take %p, and tells where it stands',
    (entry) => {
      expect(() => createEgressPolicy({ allow: ['loopback', entry] })).toThrow(EgressAllowError);
      expect(() => createEgressPolicy({ allow: ['loopback', entry] })).toThrow(/^item 2 must be/);
    },
  );
});

describe('real connections', () => {
  let server: Server;
  let port: number;
  beforeAll(async () => {
    server = createHttpServer((_request, response) => response.end('reached'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  function connectThrough(policy: EgressPolicy, autoSelectFamily: boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: 'localhost', port, lookup: policy.lookup, autoSelectFamily });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.destroy();
        resolve('connected');
      });
    });
  }

  it.each([true, false])('are refused or made by net (all addresses tried: %p)', async (autoSelectFamily) => {
    await expect(connectThrough(strict, autoSelectFamily)).rejects.toMatchObject({ code: 'EGRESS_REFUSED' });
    const allowing = createEgressPolicy({ allow: ['loopback'] });
    expect(await connectThrough(allowing, autoSelectFamily)).toBe('connected');
  });

  it('are refused or made by http', async () => {
    const request = (policy: EgressPolicy) =>
      new Promise((resolve, reject) => {
        get({ host: 'localhost', port, lookup: policy.lookup, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).once('error', reject);
      });
    await expect(request(strict)).rejects.toMatchObject({ reason: 'loopback' });
    expect(await request(createEgressPolicy({ allow: ['localhost'] }))).toBe(200);
  });

  it('to a literal address do not ask lookup, which is why checkLiteral exists', async () => {
    const asked: string[] = [];
    const plain = createServer();
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    await new Promise<void>((resolve, reject) => {
      const socket = connect({
        host: '127.0.0.1',
        port: (plain.address() as AddressInfo).port,
        lookup: (host, options, callback) => {
          asked.push(host);
          strict.lookup(host, options, callback);
        },
      });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.destroy();
        resolve();
      });
    });
    plain.close();
    expect(asked).toEqual([]);
    expect(() => strict.checkLiteral('127.0.0.1')).toThrow(EgressRefusedError);
  });
});
