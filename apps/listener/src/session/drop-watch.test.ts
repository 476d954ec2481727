import { startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { connectAsync } from 'mqtt';
import { startDropWatch } from './drop-watch';
import { buildBroker, loopbackOnly, silentLogger } from './session.testing';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

describe('the watch for messages that a broker drops', () => {
  it('warns when they rise, as long as the broker is in use', async () => {
    const broker = await startMosquitto({ config: ['sys_interval 1', 'max_queued_messages 1'] });
    cleanups.push(() => broker.stop());
    const away = await connectAsync(broker.url, { clean: false, clientId: 'away' });
    await away.subscribeAsync('orders/#', { qos: 1 });
    await away.endAsync();
    const publisher = await connectAsync(broker.url);
    cleanups.push(() => publisher.endAsync(true));

    const in_use = buildBroker({ port: broker.port });
    let is_connected = true;
    const watch = startDropWatch({
      brokers: () => (is_connected ? [in_use] : []),
      egress: loopbackOnly,
      logger: silentLogger,
      onChange: () => undefined,
      timing: { check_every_ms: 50, ask_every_ms: 100 },
    });
    cleanups.push(() => watch.stop());
    expect(watch.warnings()).toEqual([]);
    for (let n = 0; n < 10; n += 1) await publisher.publishAsync('orders/1', String(n), { qos: 1 });
    await waitFor(() => watch.warnings().length > 0, { timeout_ms: 20_000 });
    expect(watch.warnings()).toEqual([
      { code: 'BROKER_DROPS_MESSAGES', message: expect.stringMatching(/dropped \d+ /) },
    ]);
    is_connected = false;
    expect(watch.warnings()).toEqual([]);
  });

  it('says nothing of a broker whose `$SYS` may not be read, and goes on asking', async () => {
    const broker = await startMosquitto({ acl: ['topic readwrite orders/#'] });
    cleanups.push(() => broker.stop());
    const watch = startDropWatch({
      brokers: () => [buildBroker({ port: broker.port })],
      egress: loopbackOnly,
      logger: silentLogger,
      onChange: () => undefined,
      timing: { check_every_ms: 50, ask_every_ms: 50 },
    });
    cleanups.push(() => watch.stop());
    const asked = (): number => broker.log().match(/New client connected/g)?.length ?? 0;
    await waitFor(() => asked() >= 2, { timeout_ms: 20_000 });
    expect(watch.warnings()).toEqual([]);
  });
});
