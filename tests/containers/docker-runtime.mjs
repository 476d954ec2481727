// Checks of LISTENER_RUNTIME=docker on the real engine, used by check.mjs.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const dist = fileURLToPath(new URL('../../apps/orchestrator/dist/features/listeners/runtime/', import.meta.url));

export async function checkDockerRuntime({
  check,
  until,
  must,
  docker,
  api,
  network,
  product,
  queue_url,
  publish,
  allArrived,
}) {
  const { DockerEngine } = require(`${dist}docker-engine.js`);
  const { DockerListenerRuntime } = require(`${dist}docker-runtime.js`);
  const logged = [];
  const logger = Object.fromEntries(
    ['info', 'warn', 'error', 'debug'].map((level) => [
      level,
      (message, fields) => logged.push({ level, message, ...fields }),
    ]),
  );
  const installation = `check${process.pid}`;
  let wanted = [{ product_id: product.id, slug: product.slug }];
  let tokens = 0;
  const build = (overrides = {}) =>
    new DockerListenerRuntime({
      engine: new DockerEngine({ host: process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock' }),
      installation,
      image: 'cortex-mqtt/listener:test',
      network,
      memory_mb: 256,
      cpus: 1,
      wanted: async () => wanted,
      fixed_environment: {},
      environment: async ({ slug }) => {
        tokens += 1;
        const { body } = await api('POST', `/products/${product.id}/listener-tokens`, { name: `runtime ${tokens}` });
        return {
          ORCHESTRATOR_URL: 'http://orchestrator:8004',
          LISTENER_TOKEN: body.token,
          INSTANCE_ID: `${slug}-docker`,
          QUEUE_URL: queue_url,
          EGRESS_ALLOW: 'private',
          DATA_DIR: '/data',
        };
      },
      logger,
      ...overrides,
    });
  const name = `cortex-${installation}-listener-${product.id}`;
  const ids = () =>
    docker('ps', '--all', '--quiet', '--no-trunc', '--filter', `label=cortex-mqtt.installation=${installation}`)
      .split('\n')
      .filter(Boolean);
  const connected = () =>
    until('connected', async () => {
      const { body } = await api('GET', `/products/${product.id}/mqtt-config/status`);
      return body.instances.some(({ id, state }) => id === `${product.slug}-docker` && state === 'connected');
    });

  let runtime = build();
  try {
    await check('docker runtime: starts a container that connects and delivers', async () => {
      await runtime.start();
      await connected();
      await publish(100);
      await allArrived();
    });
    await check('docker runtime: limits, read-only root, no capabilities, and no secret in docker inspect', () => {
      const text = docker('inspect', name);
      const [{ HostConfig, Config }] = JSON.parse(text);
      must(HostConfig.Memory === 256 * 1_048_576 && HostConfig.NanoCpus === 1e9, 'the limits are others');
      must(HostConfig.ReadonlyRootfs && HostConfig.CapDrop.includes('ALL'), 'it may do more than it should');
      must(Config.Env.includes('LISTENER_TOKEN_FILE=/run/cortex/LISTENER_TOKEN'), 'the token is no file');
      must(!/cml_/.test(text) && !text.includes(queue_url), 'a secret is in docker inspect');
    });
    await check('docker runtime: another orchestrator adopts the container as it is', async () => {
      const [before] = ids();
      await runtime.stop();
      runtime = build();
      await runtime.start();
      must(ids().length === 1 && ids()[0] === before, 'it was replaced');
      must(tokens === 1, `${tokens} tokens were made`);
    });
    await check('docker runtime: starts again what was killed or removed by hand', async () => {
      docker('kill', name);
      await until('running', () => {
        runtime.reconcile();
        return docker('inspect', '--format', '{{.State.Running}}', name) === 'true';
      });
      docker('rm', '--force', name);
      await until('another container', () => {
        runtime.reconcile();
        return ids().length === 1 && docker('inspect', '--format', '{{.State.Running}}', name) === 'true';
      });
      await connected();
    });
    await check('docker runtime: replaces a container when its settings change, and loses nothing', async () => {
      const [before] = ids();
      const sending = publish(200, { pause_ms: 5 });
      await runtime.stop();
      runtime = build({ memory_mb: 320 });
      await runtime.start();
      await sending;
      must(ids().length === 1 && ids()[0] !== before, 'it was not replaced');
      await allArrived();
    });
    await check(
      'docker runtime: removes the container of a product that is not enabled, and keeps its volume',
      async () => {
        wanted = [];
        await until('removed', () => {
          runtime.reconcile();
          return ids().length === 0;
        });
        must(docker('volume', 'ls', '--quiet').split('\n').includes(`${name}-data`), 'the volume is gone');
      },
    );
  } finally {
    await runtime.stop();
    for (const id of ids()) docker('rm', '--force', id);
    for (const volume of ['data', 'secrets']) {
      try {
        docker('volume', 'rm', `${name}-${volume}`);
      } catch {
        // It was never made.
      }
    }
    for (const entry of logged.filter(({ level }) => level === 'warn'))
      console.log(`      ${JSON.stringify(entry).slice(0, 300)}`);
  }
}
