import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { BrokerConnection, ConnectionTestResult } from '@cortex-mqtt/contracts';
import { spawnProcess } from '@cortex-mqtt/testing';

const ROOT = join(__dirname, '..', '..');

/** Networks of their own: as root, or as the root of a user namespace of one's own. */
const NAMESPACES = [
  ['unshare', '-n'],
  ['unshare', '-rn'],
];
const UNREACHABLE = '198.51.100.7';
const FORBIDDEN = '203.0.113.7';
const ROUTES = `ip link set lo up && ip route add unreachable ${UNREACHABLE} && ip route add prohibit ${FORBIDDEN}`;

const namespace = NAMESPACES.find(([command = '', ...args]) => {
  try {
    execFileSync(command, [...args, 'sh', '-c', ROUTES], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

const brokerAt = (host: string): BrokerConnection => ({
  ...{ name: 'primary', host, port: 1883, transport: 'tcp', path: null, connect_timeout_s: 5 },
  ...{ proxy_url: null, proxy_username: null, proxy_password: null },
  ...{
    verify_cert: true,
    server_name: null,
    alpn_protocols: [],
    ca_cert: null,
    client_cert: null,
    client_key: null,
    client_key_passphrase: null,
  },
  ...{ username: null, password: null, client_id: null, keep_alive: 60, clean_session: false, protocol_version: 5 },
  ...{ session_expiry_s: 60, receive_maximum: null, user_properties: {}, last_will: null },
});

/** Runs a connection test of the built library in a network whose routes refuse these addresses. */
async function testFromThere(host: string): Promise<ConnectionTestResult> {
  const [command = '', ...args] = namespace ?? [];
  const script = `
    const { probeConnection } = require('@cortex-mqtt/mqtt');
    const { createEgressPolicy } = require('@cortex-mqtt/egress');
    const broker = ${JSON.stringify(brokerAt(host))};
    probeConnection(
      { id: 'test', broker, topic_filters: [], roundtrip_topic: null, timeout_ms: 10_000 },
      { egress: createEgressPolicy({ allow: [broker.host] }), tested_from: 'orchestrator' },
    ).then((result) => console.log(JSON.stringify(result)));`;
  const child = await spawnProcess({
    command,
    args: [...args, 'sh', '-c', `${ROUTES} && exec "$0" -e "$1"`, process.execPath, script],
    cwd: join(ROOT, 'apps', 'listener'),
  });
  await child.exited;
  if (child.stdout() === '') throw new Error(`the test ended without a result:\n${child.output()}`);
  return JSON.parse(child.stdout()) as ConnectionTestResult;
}

// Without the right to a network of one's own there is no such kernel to ask, as in a container without CAP_NET_ADMIN.
(namespace ? describe : describe.skip)('a kernel that refuses to connect', () => {
  it.each([
    ['no route leads there', UNREACHABLE, 'HOST_UNREACHABLE'],
    ['a rule of the machine forbids it', FORBIDDEN, 'CONNECTION_FORBIDDEN'],
  ])('because %s', async (_why, host, code) => {
    const result = await testFromThere(host);
    expect(result.diagnosis).toMatchObject({ stage: 'tcp', code });
    expect(result.diagnosis?.cause).toContain(host);
  });
});
