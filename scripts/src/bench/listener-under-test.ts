import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  ActionDefinition,
  ListenerArchive,
  ListenerConfigDocument,
  ListenerSubscription,
} from '@cortex-mqtt/contracts';
import { type SpawnedProcess, spawnProcess, waitFor } from '@cortex-mqtt/testing';
import { startConfigServer } from './config-server';
import type { BenchContext } from './figure';

/** The compiled listener, as it is run in production. */
export const LISTENER_ENTRY = join(__dirname, '..', '..', '..', 'apps', 'listener', 'dist', 'main.js');

export interface ListenerSetting {
  broker_port: number;
  subscriptions: Partial<ListenerSubscription>[];
  handover_after_ms?: number;
  queue_url?: string;
  /** Messages are recorded, as they are by default for a new product. */
  is_recording?: boolean;
  /** Messages that may be unacknowledged; the listener's own default when absent. */
  max_in_flight?: number;
  /** Filters that must be granted before it counts as started; all by default. */
  granted?: number;
}

export interface ListenerUnderTest {
  pid: number;
  process: SpawnedProcess;
  stop(): Promise<void>;
}

/** A log action that writes nothing, since the listener logs from `info` on: an action that runs and does nothing. */
export const NO_OP = action({ type: 'log', level: 'debug', message: 'seen' });

const RECORDING: ListenerArchive = {
  enabled: true,
  scope: 'matched',
  filters: [],
  max_payload_bytes: 65_536,
  redact: null,
  before_ack: false,
  paused: [],
};

export function webhookTo(port: number): ActionDefinition {
  return action({ type: 'webhook', url: `http://127.0.0.1:${port}/hook` });
}

function action(definition: { type: string; [field: string]: unknown }): ActionDefinition {
  return { id: 'a1', enabled: true, ...definition };
}

/** Starts the real listener process against a stub of the orchestrator's internal API, and waits until it listens. */
export async function startListenerUnderTest(
  setting: ListenerSetting,
  context: BenchContext,
): Promise<ListenerUnderTest> {
  const config = await startConfigServer(documentOf(setting));
  context.stops.push(() => config.close());
  const process = await spawnListener(config.url, setting, context);
  const wanted = setting.granted ?? setting.subscriptions.length;
  await waitFor(
    () => {
      if (!process.running()) throw new Error(`the listener ended:\n${process.output()}`);
      return (config.report()?.subscribed.granted ?? 0) >= wanted;
    },
    { timeout_ms: 60_000, message: () => `the listener to subscribe; its output is:\n${process.output()}` },
  );
  return { pid: process.pid, process, stop: async () => void (await process.stop()) };
}

/** Starts the process and doesn't wait for anything. */
export async function spawnListener(
  config_url: string,
  setting: Pick<ListenerSetting, 'queue_url' | 'max_in_flight'>,
  context: BenchContext,
): Promise<SpawnedProcess> {
  const profiling = context.profile_dir === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${context.profile_dir}`];
  const process = await spawnProcess({
    command: globalThis.process.execPath,
    args: [...profiling, LISTENER_ENTRY],
    env: {
      ORCHESTRATOR_URL: config_url,
      LISTENER_TOKEN: 'bench-token',
      INSTANCE_ID: 'bench',
      DATA_DIR: mkdtempSync(join(tmpdir(), 'cortex-mqtt-bench-')),
      HEALTH_PORT: '0',
      EGRESS_ALLOW: 'loopback',
      LOG_FORMAT: 'json',
      NODE_ENV: 'production',
      QUEUE_URL: setting.queue_url,
      MAX_IN_FLIGHT: setting.max_in_flight === undefined ? undefined : String(setting.max_in_flight),
    },
  });
  context.stops.push(() => process.stop());
  return process;
}

export function documentOf(setting: ListenerSetting): ListenerConfigDocument {
  return {
    product_id: 1,
    product_slug: 'bench',
    enabled: true,
    revision: 1,
    reconnect_generation: 0,
    variables: {},
    brokers: [
      {
        name: 'primary',
        host: '127.0.0.1',
        port: setting.broker_port,
        transport: 'tcp',
        path: null,
        proxy_url: null,
        proxy_username: null,
        proxy_password: null,
        verify_cert: true,
        username: null,
        password: null,
        client_id: null,
        keep_alive: 60,
        clean_session: false,
        protocol_version: 5,
        session_expiry_s: 3_600,
        connect_timeout_s: 10,
        server_name: null,
        alpn_protocols: [],
        ca_cert: null,
        client_cert: null,
        client_key: null,
        client_key_passphrase: null,
        receive_maximum: null,
        user_properties: {},
        last_will: null,
      },
    ],
    failover: { subscribe_on: 'one', after_s: null, failback_after_s: null },
    shared_group: null,
    session_key: null,
    handover_after_ms: setting.handover_after_ms ?? 20,
    probe: null,
    subscriptions: setting.subscriptions.map((subscription, index) => ({
      id: index + 1,
      name: `subscription ${index + 1}`,
      topic: subscription.topic_filter ?? '',
      topic_filter: '',
      wildcard_names: [],
      qos: 1,
      payload_format: 'json',
      filter: null,
      message_key: null,
      concurrency: null,
      ordering: 'none',
      actions: [NO_OP],
      ...subscription,
    })),
    archive: setting.is_recording ? RECORDING : null,
    secrets: {},
  };
}
