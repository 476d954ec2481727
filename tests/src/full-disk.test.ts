import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  createTestDirectory,
  type HttpReceiver,
  type Mosquitto,
  startHttpReceiver,
  startMosquitto,
  waitFor,
} from '@cortex-mqtt/testing';
import type { TestProduct } from './harness/product';
import { type Publisher, startPublisher } from './harness/publisher';
import { PATIENCE_MS, type Stack, startStack, type TestListener } from './harness/stack';

jest.setTimeout(240_000);

/** A disk that the test can fill and empty. */
interface SmallDisk {
  directory: string;
  fill(listener_pid: number): void;
  empty(listener_pid: number): void;
  remove(): void;
}

/** A small tmpfs. null without the right to mount. */
function mountSmallDisk(): SmallDisk | null {
  const directory = createTestDirectory('small-disk');
  const filler = join(directory, 'filler');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', directory], { stdio: 'ignore' });
  } catch {
    return null;
  }
  return {
    directory,
    fill() {
      const file = openSync(filler, 'w');
      try {
        for (;;) writeSync(file, Buffer.alloc(4_096));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        closeSync(file);
      }
    },
    empty: () => rmSync(filler, { force: true }),
    remove: () => execFileSync('umount', [directory]),
  };
}

/** Stands for it where nothing may be mounted: the listener may write no file beyond a few bytes. */
function limitFileSize(): SmallDisk {
  const limit = (pid: number, bytes: string) => execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}`]);
  return {
    directory: createTestDirectory('small-disk'),
    fill: (pid) => limit(pid, '64:unlimited'),
    empty: (pid) => limit(pid, 'unlimited:unlimited'),
    remove: () => undefined,
  };
}

describe('a listener whose disk is full', () => {
  const disk = mountSmallDisk() ?? limitFileSize();
  const kept = () => readFileSync(join(disk.directory, 'last-known-good'), 'utf8');
  let stack: Stack;
  let broker: Mosquitto;
  let receiver: HttpReceiver;
  let publisher: Publisher;
  let product: TestProduct;
  let listener: TestListener;
  let kept_before = '';

  beforeAll(async () => {
    broker = await startMosquitto();
    receiver = await startHttpReceiver();
    stack = await startStack({ queue: 'redis' });
    product = await stack.newProduct({
      name: 'full disk',
      broker: { host: '127.0.0.1', port: broker.port },
      topics: { qos: 1 },
      subscriptions: [{ name: 'old', topic: 'old', actions: [{ id: 'hook', type: 'webhook', url: receiver.url }] }],
    });
    listener = await stack.startListener(product, {
      env: { DATA_DIR: disk.directory, POLL_INTERVAL: '1s', HEARTBEAT_INTERVAL: '1s' },
    });
    await product.untilSettled();
    publisher = await startPublisher(broker.url);
  });

  afterAll(async () => {
    await publisher?.end();
    await stack?.stop();
    await broker?.stop();
    await receiver?.stop();
    disk.remove();
  });

  const untilWarned = ({ isWarned }: { isWarned: boolean }) =>
    product.untilStatus(`the warning to be ${isWarned ? 'there' : 'gone'}`, ({ state, instances }) => {
      const warnings = instances[0]?.report.warnings as { code: string }[] | undefined;
      return state === 'connected' && warnings?.some(({ code }) => code === 'CONFIG_NOT_KEPT') === isWarned;
    });

  it('applies a change, goes on delivering, and says that it could not keep it', async () => {
    kept_before = kept();
    disk.fill(listener.pid());
    await product.addSubscription({
      name: 'new',
      topic: 'new',
      actions: [{ id: 'hook', type: 'webhook', url: receiver.url }],
    });
    await product.untilSettled();
    await publisher.publish('old', '{"n": 1}');
    await publisher.publish('new', '{"n": 2}');
    await receiver.waitForRequests(2, { timeout_ms: PATIENCE_MS });
    await untilWarned({ isWarned: true });
    expect(listener.output()).toMatch(/last known good configuration could not be written/);
  });

  it('keeps the last known good whole, and starts with it while the orchestrator is away', async () => {
    expect(kept()).toBe(kept_before);
    await stack.orchestrator.stop();
    await listener.kill();
    await listener.start();
    disk.fill(listener.pid());
    expect(await listener.health()).toMatchObject({ config_source: 'last_known_good' });
    receiver.clear();
    await publisher.publish('old', '{"n": 3}');
    await receiver.waitForRequests(1, { timeout_ms: PATIENCE_MS });
    await stack.startOrchestrator();
    // The status may still be the one of the process that was killed.
    await waitFor(async () => (await listener.health()).config_source === 'orchestrator', { timeout_ms: PATIENCE_MS });
    await untilWarned({ isWarned: true });
    expect(kept()).toBe(kept_before);
  });

  it('keeps the newest as soon as there is room, and takes the warning back', async () => {
    disk.empty(listener.pid());
    await waitFor(() => kept() !== kept_before, { timeout_ms: PATIENCE_MS });
    await untilWarned({ isWarned: false });
  });
});
