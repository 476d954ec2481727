import { waitFor } from '@cortex-mqtt/testing';
import type { Page } from 'playwright-core';
import { type ConsoleWorld, STEPS_MS, startConsoleWorld } from './console-world';

interface Told {
  type: string;
  key: string;
  data: { id: number; title: string; kind: string; acknowledge_url: string | null };
}

describe('alerts, from a broker that is down to a person who knows', () => {
  let world: ConsoleWorld;
  let page: Page;
  beforeAll(async () => {
    world = await startConsoleWorld({
      listener: true,
      product: { subscriptions: [{ name: 'States', topic: 'plant/{+device}/state' }] },
    });
    ({ page } = world);
  }, STEPS_MS);
  afterAll(() => world?.stop(), STEPS_MS);

  const told = (): Told[] => world.receiver.requests.map((request) => request.json<Told>());
  const untilTold = (what: string, wanted: (one: Told) => boolean): Promise<Told> =>
    waitFor(() => told().find(wanted) ?? false, {
      timeout_ms: 90_000,
      message: () => `${what}; told was ${JSON.stringify(told().map(({ type, data }) => [type, data.title]))}`,
    });

  it(
    'names a device that has gone silent, on the bell and in a message',
    async () => {
      const channel = await world.stack.rest.call<{ id: number }>('POST', '/alert-channels', {
        name: 'On call',
        type: 'webhook',
        url: `${world.receiver.url}/alerts`,
      });
      await world.stack.rest.call('POST', '/alert-rules', {
        name: 'Silent devices',
        kind: 'silence',
        product_ids: [world.product.id],
        topic_parameter: 'device',
        threshold: 5,
        for_s: 0,
        keep_firing_for_s: 0,
        channel_ids: [channel.id],
      });
      // The listener hears of the watch with the answer to its next report; a message from before that is not of the series.
      let published_ms = 0;
      await waitFor(
        async () => {
          if (Date.now() - published_ms > 12_000) {
            published_ms = Date.now();
            await world.publisher.publish('shop/plant/press-7/state', '{}');
          }
          return told().some(({ data }) => data.kind === 'silence');
        },
        { timeout_ms: 90_000, message: 'the silence to be told' },
      );
      const one = await untilTold(
        'the silence',
        ({ type, data }) => type === 'incident.opened' && data.kind === 'silence',
      );
      expect(one.data.title).toContain('Silent devices (press-7)');
      await page.goto('/alerts');
      await page
        .getByRole('link', { name: /1 open incident/ })
        .first()
        .waitFor();
      await page.getByRole('link', { name: one.data.title }).waitFor();
      await shoot('incidents');
      await world.publisher.publish('shop/plant/press-7/state', '{}');
      await untilTold('its end', ({ type, data }) => type === 'incident.resolved' && data.id === one.data.id);
    },
    STEPS_MS,
  );

  it(
    'tells of a broker that is down though its orchestrator is killed meanwhile, and is acknowledged by a click',
    async () => {
      const { rest } = world.stack;
      const { items: rules } = await rest.call<{ items: { id: number; kind: string }[] }>(
        'GET',
        '/alert-rules?page_size=100',
      );
      const rule = rules.find(({ kind }) => kind === 'not_connected');
      await rest.call('PATCH', `/alert-rules/${rule?.id}`, { for_s: 0, keep_firing_for_s: 0 });
      await world.mosquitto.stop();
      const { items } = await waitFor(
        async () => {
          const open = await rest.call<{ items: { id: number; kind: string }[] }>('GET', '/incidents?state=firing');
          return open.items.some(({ kind }) => kind === 'not_connected') && open;
        },
        { timeout_ms: 60_000 },
      );
      // Before its message was due: the first message of a shared cause waits five seconds.
      await world.stack.orchestrator.kill();
      await world.stack.startOrchestrator();
      const one = await untilTold(
        'the broken connection',
        ({ type, data }) => type === 'incident.opened' && data.kind === 'not_connected',
      );
      expect(items.map(({ id }) => id)).toContain(one.data.id);
      expect(
        new Set(
          told()
            .filter(({ data }) => data.id === one.data.id)
            .map(({ key }) => key),
        ).size,
      ).toBe(1);

      await page.goto(`/alerts/incidents/${one.data.id}`);
      await page.getByRole('heading', { level: 1, name: one.data.title }).waitFor();
      await shoot('incident');
      await page.getByRole('button', { name: 'Acknowledge' }).click();
      await page.getByText('Acknowledged').first().waitFor();
      for (const [path, text] of [
        ['/alerts/rules', 'Not connected'],
        ['/alerts/channels', 'On call'],
        ['/alerts/windows', 'No maintenance window'],
        [`/products/${world.product.id}/destinations`, 'Nothing has been sent yet'],
      ] as const) {
        await page.goto(path);
        await page.getByText(text).first().waitFor();
        await shoot(path.split('/').at(-1) ?? '');
      }
      expect(world.admin.faults).toEqual([]);
    },
    STEPS_MS,
  );

  /** For a person who looks; where nobody does, nothing is written. */
  async function shoot(name: string): Promise<void> {
    const folder = process.env.SCREENSHOTS;
    if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
  }
});
