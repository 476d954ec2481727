import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, type SpawnedProcess, spawnProcess } from '@cortex-mqtt/testing';
import type { BenchContext } from './figure';

const run = promisify(execFile);
const INSTALL_LIMIT_MS = 600_000;

export interface NodeRed {
  major: 4 | 5;
  /** Program that runs it, and its entry. */
  node: string;
  entry: string;
}

/** Installs Node-RED with npm into the cache, once; version 5 with the Node 22 that it needs, from npm too. */
export async function installNodeRed(major: 4 | 5, context: BenchContext): Promise<NodeRed> {
  const directory = join(context.cache_dir, `node-red-${major}`);
  const modules = join(directory, 'node_modules');
  const entry = join(modules, 'node-red', 'red.js');
  const node = major === 4 ? process.execPath : join(modules, 'node', 'bin', 'node');
  if (!existsSync(entry) || !existsSync(node)) {
    context.say(`installing Node-RED ${major} into ${directory}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'package.json'), '{"private":true}\n');
    const packages = [`node-red@${major}`, ...(major === 5 ? ['node@22'] : [])];
    await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...packages], {
      cwd: directory,
      timeout: INSTALL_LIMIT_MS,
    });
  }
  return { major, node, entry };
}

/** Starts it with one flow: MQTT in (QoS 1, the payload left as text) → HTTP request over kept connections. */
export async function spawnNodeRed(
  { node, entry }: NodeRed,
  ports: { broker: number; sink: number },
  context: BenchContext,
): Promise<SpawnedProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'cortex-mqtt-bench-node-red-'));
  writeFileSync(join(directory, 'flows.json'), JSON.stringify(flow(ports)));
  writeFileSync(
    join(directory, 'settings.js'),
    `module.exports = { uiHost: '127.0.0.1', uiPort: ${await freePort()}, flowFile: 'flows.json', httpAdminRoot: false,
      logging: { console: { level: 'warn' } } };`,
  );
  const started = await spawnProcess({
    command: node,
    args: [entry, '--userDir', directory, '--settings', join(directory, 'settings.js')],
    env: { NODE_ENV: 'production' },
  });
  context.stops.push(() => started.stop());
  return started;
}

function flow(ports: { broker: number; sink: number }): object[] {
  return [
    { id: 'tab', type: 'tab', label: 'bench' },
    {
      id: 'broker',
      type: 'mqtt-broker',
      name: '',
      broker: '127.0.0.1',
      port: String(ports.broker),
      clientid: 'bench-node-red',
      autoConnect: true,
      usetls: false,
      protocolVersion: '5',
      keepalive: '60',
      cleansession: true,
    },
    {
      id: 'in',
      type: 'mqtt in',
      z: 'tab',
      topic: 'bench/#',
      qos: '1',
      datatype: 'utf8',
      broker: 'broker',
      nl: false,
      rap: true,
      rh: 0,
      inputs: 0,
      wires: [['post']],
    },
    {
      id: 'post',
      type: 'http request',
      z: 'tab',
      method: 'POST',
      ret: 'txt',
      paytoqs: 'ignore',
      url: `http://127.0.0.1:${ports.sink}/hook`,
      tls: '',
      persist: true,
      headers: [{ keyType: 'Content-Type', keyValue: '', valueType: 'application/json', valueValue: '' }],
      wires: [[]],
    },
  ];
}
