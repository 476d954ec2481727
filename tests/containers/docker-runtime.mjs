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
  let wanted = [{ product_id: product.id, slug: product.slug, replicas: 1 }];
  /** What the runtime has said of the product's containers last, and all states that it has said. */
  let seen = [];
  const states = [];
  let tokens = 0;
  const removed = [];
  let extra = {};
  const build = (overrides = {}) =>
    new DockerListenerRuntime({
      engine: new DockerEngine({ host: process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock' }),
      installation,
      image: 'cortex-mqtt/listener:test',
      network,
      memory_mb: 256,
      cpus: 1,
      wanted: async () => wanted,
      fixedEnvironment: async () => ({ ...extra }),
      onRemoved: async (member) => removed.push(member),
      onSeen: async (all) => {
        seen = all.get(product.id) ?? [];
        for (const { state } of seen) if (!states.includes(state)) states.push(state);
      },
      environment: async ({ slug, ordinal }) => {
        tokens += 1;
        const { body } = await api('POST', `/products/${product.id}/listener-tokens`, { name: `runtime ${tokens}` });
        return {
          ORCHESTRATOR_URL: 'http://orchestrator:8004',
          LISTENER_TOKEN: body.token,
          INSTANCE_ID: `${slug}-docker-${ordinal}`,
          ...extra,
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
      return body.instances.some(({ id, state }) => id === `${product.slug}-docker-1` && state === 'connected');
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
    await check('docker runtime: starts again what was killed or removed by hand, and says how it ended', async () => {
      docker('kill', name);
      await until('its end', () => seen[0]?.exit_code === 137 && /exit code 137, SIGKILL/.test(seen[0].reason));
      must(seen[0].last_lines.length > 0, 'its last lines are missing');
      await until('running', () => docker('inspect', '--format', '{{.State.Running}}', name) === 'true');
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
      'docker runtime: three replicas run and share, one of them is removed again with its token',
      async () => {
        wanted = [{ ...wanted[0], replicas: 3 }];
        runtime.reconcile();
        await until('three', () => seen.length === 3 && seen.every(({ state }) => state === 'running'));
        wanted = [{ ...wanted[0], replicas: 2 }];
        await until('two', () => {
          runtime.reconcile();
          return ids().length === 2;
        });
        must(removed.length === 1 && removed[0].ordinal === 3, 'another one was removed');
        wanted = [{ ...wanted[0], replicas: 1 }];
        await until('one', () => {
          runtime.reconcile();
          return ids().length === 1;
        });
      },
    );
    await check('docker runtime: out of memory is called by its name', async () => {
      await runtime.stop();
      runtime = build({ memory_mb: 20 });
      void runtime.start();
      await until('out of memory', () =>
        seen.some(({ state, reason }) => state === 'out_of_memory' && /memory/.test(reason)),
      );
    });
    await check('docker runtime: a generation that is not healthy stops at its first container', async () => {
      await runtime.stop();
      runtime = build();
      void runtime.start();
      await until('well again', () => seen[0]?.state === 'running');
      wanted = [{ ...wanted[0], replicas: 2 }];
      runtime.reconcile();
      await until('two', () => seen.length === 2 && seen.every(({ state }) => state === 'running'));
      const before = ids();
      await runtime.stop();
      // No listener can start with it.
      extra = { KEEP_ALIVE_OF_NOTHING: '1', HEALTH_PORT: 'not a port' };
      runtime = build();
      void runtime.start();
      await until('the first replaced', () => before.filter((id) => ids().includes(id)).length === 1);
      for (let looks = 0; looks < 5; looks += 1) {
        runtime.reconcile();
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
      must(before.filter((id) => ids().includes(id)).length === 1, 'the second was replaced, too');
      await runtime.stop();
      extra = {};
      runtime = build();
      void runtime.start();
      await until('both well', () => seen.length === 2 && seen.every(({ state }) => state === 'running'));
      wanted = [{ ...wanted[0], replicas: 1 }];
    });
    await check('docker runtime: an image that cannot be had is said, and what runs is left alone', async () => {
      await until('one', () => {
        runtime.reconcile();
        return ids().length === 1;
      });
      const [before] = ids();
      await runtime.stop();
      states.length = 0;
      runtime = build({ image: 'registry.invalid/nobody/listener:none' });
      void runtime.start();
      wanted = [wanted[0], { product_id: product.id + 100_000, slug: 'nobody', replicas: 1 }];
      await until('said', () => logged.some(({ message }) => /cannot be pulled/.test(message)));
      must(ids().length === 1 && ids()[0] === before, 'it was touched');
      wanted = [wanted[0]];
      await runtime.stop();
      runtime = build();
      await runtime.start();
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
