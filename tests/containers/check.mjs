// Runs the main job through docker-compose.yml, in containers: node tests/containers/check.mjs COMPOSE_PROJECT ORCHESTRATOR_URL
// The variables of .env are in the environment. Prints a line a check; exits 1 when one fails.
import { execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { checkDockerRuntime } from './docker-runtime.mjs';

const [project, url] = process.argv.slice(2);
let failed = 0;

const docker = (...args) => execFileSync('docker', args, { encoding: 'utf8', maxBuffer: 1e8, timeout: 120_000 }).trim();
const container = (service) => `${project}_${service}_1`;

async function check(name, work) {
  const started = Date.now();
  try {
    const note = await work();
    console.log(`ok    ${name}${note ? `: ${note}` : ''} (${((Date.now() - started) / 1_000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}: ${error.message}`);
  }
}

async function until(what, condition, limit_ms = 90_000) {
  const end = Date.now() + limit_ms;
  let last;
  while (Date.now() < end) {
    try {
      last = await condition();
      if (last) return last;
    } catch (error) {
      last = error.message;
    }
    await pause(250);
  }
  throw new Error(`${what} did not come within ${limit_ms / 1_000} s (last: ${JSON.stringify(last)})`);
}

function must(condition, message) {
  if (!condition) throw new Error(message);
}

let headers = {};
async function api(method, path, body) {
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
    body: body ? JSON.stringify(body) : undefined,
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  must(response.ok, `${method} ${path} answered ${response.status}: ${text.slice(0, 300)}`);
  return { body: text === '' ? null : JSON.parse(text), response };
}

async function signIn() {
  const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = process.env;
  const { body, response } = await api('POST', '/auth/login', { email, password });
  const cookie = response.headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0])
    .join('; ');
  headers = { cookie, 'x-csrf-token': body.csrf_token };
}

/** Counts every order number that arrives; where containers of the network reach this machine. */
async function receiver(network) {
  const [gateway] = JSON.parse(docker('network', 'inspect', network))[0].IPAM.Config.map(({ Gateway }) => Gateway);
  const numbers = new Map();
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      const { payload } = JSON.parse(text);
      numbers.set(payload.number, (numbers.get(payload.number) ?? 0) + 1);
      response.writeHead(200).end();
    });
  });
  await new Promise((resolve) => server.listen(0, gateway, resolve));
  return { url: `http://${gateway}:${server.address().port}/orders`, numbers, close: () => server.close() };
}

let next = 1;
/** Publishes orders of increasing numbers with QoS 1 and answers how many were sent so far. */
async function publish(count, { pause_ms = 0 } = {}) {
  const { MQTT_USERNAME, MQTT_PASSWORD } = process.env;
  const sender = spawn(
    'docker',
    [
      'exec',
      '-i',
      container('mosquitto'),
      'mosquitto_pub',
      '-l',
      '-q',
      '1',
      '-u',
      MQTT_USERNAME,
      '-P',
      MQTT_PASSWORD,
      '-t',
      'shop/orders',
    ],
    { stdio: ['pipe', 'inherit', 'inherit'] },
  );
  for (let index = 0; index < count; index += 1) {
    sender.stdin.write(`${JSON.stringify({ number: next })}\n`);
    next += 1;
    if (pause_ms > 0) await pause(pause_ms);
  }
  sender.stdin.end();
  const code = await new Promise((resolve) => sender.once('close', resolve));
  must(code === 0, `mosquitto_pub ended with ${code}`);
}

const network = `${project}_default`;
const orders = await receiver(network);
const allArrived = () =>
  until(`${next - 1} orders`, () => [...Array(next - 1).keys()].every((index) => orders.numbers.has(index + 1)));

await check('orchestrator is healthy', () =>
  until(
    'healthy',
    () => docker('inspect', '--format', '{{.State.Health.Status}}', container('orchestrator')) === 'healthy',
  ),
);
for (const service of ['mosquitto', 'redis', 'postgres']) {
  await check(`${service} is healthy`, () =>
    until('healthy', () => docker('inspect', '--format', '{{.State.Health.Status}}', container(service)) === 'healthy'),
  );
}
await signIn();
const { body: product } = await api('POST', '/products', { name: 'Orders', slug: `orders-${Date.now()}` });
const path = `/products/${product.id}`;
await api('PUT', `${path}/mqtt-config`, {
  broker: { host: 'mosquitto', username: process.env.MQTT_USERNAME, password: process.env.MQTT_PASSWORD },
  topics: { prefix: 'shop' },
});
await api('POST', `${path}/mqtt-config/subscriptions`, {
  name: 'orders',
  topic: 'orders',
  actions: [{ type: 'webhook', url: orders.url }],
});
const { body: token } = await api('POST', `${path}/listener-tokens`, { name: 'compose' });
const connected = () =>
  until('connected', async () => (await api('GET', `${path}/mqtt-config/status`)).body.state === 'connected');

const files = process.env.COMPOSE_FILES.split(' ').flatMap((file) => ['-f', file]);
const compose = (args) =>
  execFileSync('docker-compose', ['-p', project, ...files, ...args], {
    env: { ...process.env, LISTENER_TOKEN_ORDERS: token.token },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
  });

await check('listener starts from the compose file with its token and connects', async () => {
  compose(['--profile', 'listeners', 'up', '-d', '--no-build', 'listener-orders']);
  await connected();
});
await check('the main job: 500 published orders reach their webhook', async () => {
  await publish(500);
  await allArrived();
});
await check('a changed configuration is live without a restart', async () => {
  const before = docker('inspect', '--format', '{{.State.StartedAt}}', container('listener-orders'));
  const { body } = await api('PUT', `${path}/mqtt-config`, { topics: { prefix: 'shop', qos: 2 } });
  const started = Date.now();
  await until(
    'applied',
    async () => (await api('GET', `${path}/mqtt-config/status`)).body.applied_revision >= body.revision,
  );
  must(
    docker('inspect', '--format', '{{.State.StartedAt}}', container('listener-orders')) === before,
    'it was restarted',
  );
  return `${Date.now() - started} ms`;
});
for (const service of ['listener-orders', 'redis', 'mosquitto', 'orchestrator', 'postgres']) {
  await check(`${service} killed with SIGKILL while orders come: nothing is lost`, async () => {
    // Mosquitto tells its publisher that a message was taken; what it had not taken when it died was never accepted.
    if (service === 'mosquitto') {
      docker('kill', container(service));
      docker('start', container(service));
      await until(
        'broker',
        () => docker('inspect', '--format', '{{.State.Health.Status}}', container(service)) === 'healthy',
      );
      await connected();
      await publish(100);
    } else {
      const sending = publish(300, { pause_ms: 5 });
      await pause(400);
      docker('kill', container(service));
      await pause(500);
      docker('start', container(service));
      await sending;
    }
    await allArrived();
    if (service === 'orchestrator' || service === 'postgres') {
      await until('orchestrator', async () => (await fetch(`${url}/readyz`)).ok);
    }
    await connected();
  });
}
await check('listener stops within its grace while orders come: nothing is lost', async () => {
  const sending = publish(300, { pause_ms: 3 });
  await pause(300);
  const started = Date.now();
  docker('stop', '--time', '30', container('listener-orders'));
  const took_ms = Date.now() - started;
  const { ExitCode } = JSON.parse(docker('inspect', container('listener-orders')))[0].State;
  must(ExitCode === 0, `it ended with ${ExitCode}`);
  docker('start', container('listener-orders'));
  await sending;
  await allArrived();
  return `${took_ms} ms`;
});
await check('listener is healthy by its own check', () =>
  until(
    'healthy',
    () => docker('inspect', '--format', '{{.State.Health.Status}}', container('listener-orders')) === 'healthy',
  ),
);
await check('the schema of an earlier version and back, while orders come: nothing is lost', async () => {
  const sending = publish(300, { pause_ms: 20 });
  docker('stop', container('orchestrator'));
  const command = ['run', '--rm', '-T', 'orchestrator', 'node', 'apps/orchestrator/dist/main.js'];
  const reverted = [];
  for (let count = 0; count < 3; count += 1)
    reverted.push(
      compose([...command, 'migrate:revert'])
        .trim()
        .split('\n')
        .at(-1),
    );
  compose([...command, 'migrate']);
  docker('start', container('orchestrator'));
  await until('orchestrator', async () => (await fetch(`${url}/readyz`)).ok);
  await sending;
  await allArrived();
  await connected();
  must((await api('GET', path)).body.slug === product.slug, 'the product is another');
  return reverted.join(', ');
});
await check('containers have a read-only root, no capabilities and no root user', () => {
  for (const service of ['orchestrator', 'listener-orders']) {
    const [{ HostConfig }] = JSON.parse(docker('inspect', container(service)));
    must(HostConfig.ReadonlyRootfs, `${service}: the root file system is writable`);
    must(HostConfig.CapDrop?.includes('ALL'), `${service}: has capabilities`);
    must(
      HostConfig.SecurityOpt?.some((option) => option.startsWith('no-new-privileges')),
      `${service}: may gain privileges`,
    );
    const status = docker('exec', container(service), 'cat', '/proc/1/status');
    must(/^Uid:\s+1000\s/m.test(status), `${service}: does not run as node`);
    must(/^CapEff:\s+0+$/m.test(status), `${service}: has effective capabilities`);
  }
});
docker('stop', '--time', '30', container('listener-orders'));
await checkDockerRuntime({
  ...{ check, until, must, docker, api, network, product, publish, allArrived },
  queue_url: `redis://listeners:${process.env.REDIS_LISTENERS_PASSWORD}@redis:6379`,
});
const duplicates = [...orders.numbers.values()].filter((count) => count > 1).length;
console.log(`      ${next - 1} orders, ${orders.numbers.size} arrived, ${duplicates} more than once`);
orders.close();
process.exit(failed > 0 ? 1 : 0);
