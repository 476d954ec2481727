import { startMosquitto, waitFor } from '@cortex-mqtt/testing';
import { DEFAULT_BACKOFF } from './backoff';
import { buildBroker, buildDesired, buildSession, buildSubscriptions } from './session.testing';

jest.setTimeout(180_000);

const LISTENERS = 200;

describe('a broker that 200 listeners use', () => {
  it('is not overrun by them after a restart: no second has more than twice the share of each', async () => {
    const broker = await startMosquitto({ persistence: true });
    let is_back = false;
    const back_at_ms: number[] = [];
    const herd = Array.from({ length: LISTENERS }, (_, index) => {
      const { session } = buildSession({ client_id: `herd${index}`, timing: DEFAULT_BACKOFF });
      session.on('event', ({ type }) => {
        if (is_back && type === 'connected') back_at_ms.push(Date.now());
      });
      return session;
    });
    const connected = () => herd.filter((session) => session.isConnected()).length;
    try {
      for (const [index, session] of herd.entries()) {
        session.start(
          buildDesired(buildBroker({ port: broker.port }), { subscriptions: buildSubscriptions(`herd/${index}`) }),
        );
      }
      await waitFor(() => connected() === LISTENERS, { timeout_ms: 60_000, message: () => `${connected()} connected` });
      await broker.stop();
      await waitFor(() => herd.every((session) => (session.snapshot().recovery?.attempt ?? 0) >= 3), {
        timeout_ms: 60_000,
        message: 'every listener to have tried three times',
      });
      is_back = true;
      await broker.start();
      const began_ms = Date.now();
      await waitFor(() => connected() === LISTENERS, { timeout_ms: 90_000, message: () => `${connected()} connected` });
      const bins = new Map<number, number>();
      for (const at_ms of back_at_ms) {
        const second = Math.floor((at_ms - began_ms) / 1_000);
        bins.set(second, (bins.get(second) ?? 0) + 1);
      }
      const seconds = Math.ceil((Math.max(...back_at_ms) - began_ms) / 1_000);
      const fullest = Math.max(...bins.values());
      console.info(`${LISTENERS} listeners back within ${seconds} s, ${fullest} in the fullest second`);
      expect(back_at_ms).toHaveLength(LISTENERS);
      expect(fullest).toBeLessThanOrEqual((2 * LISTENERS) / seconds);
    } finally {
      await Promise.all(herd.map((session) => session.stop({ drain_ms: 0 })));
      await broker.stop();
    }
  });
});
