import { waitFor } from '@cortex-mqtt/testing';
import type { Page } from 'playwright-core';
import { PATIENCE_MS } from '../harness/stack';
import { openConsole, overflow, seriousFaults } from './browser';
import { type ConsoleWorld, STEPS_MS, startConsoleWorld } from './console-world';

describe('the console for everybody', () => {
  let world: ConsoleWorld;
  let subscription_id: number;
  let message_id: string;
  let replay_id: string;

  beforeAll(async () => {
    world = await startConsoleWorld({ listener: true, product: { subscriptions: [] } });
    ({ id: subscription_id } = await world.product.addSubscription({
      name: 'Order placed',
      topic: 'orders/{+id}',
      filter: 'payload.total > 10',
      actions: [
        { id: 'a1', type: 'webhook', enabled: true, url: `${world.receiver.url}/a/long/way/to/the/orders/of/the/shop` },
        { id: 'a2', type: 'log', enabled: false, message: 'an order' },
      ],
    }));
    await world.product.untilSettled();
    await world.publisher.publish('shop/orders/1', 'not JSON');
    await world.publisher.publish('shop/orders/2', '{"total": 7}');
    const { rest } = world.stack;
    ({ id: message_id } = await waitFor(
      async () => {
        const path = `/products/${world.product.id}/messages?outcome=filtered`;
        return (await rest.call<{ items: { id: string }[] }>('GET', path)).items[0];
      },
      { timeout_ms: PATIENCE_MS },
    ));
    ({ id: replay_id } = await rest.call<{ id: string }>('POST', `/products/${world.product.id}/replays`, {
      ...{ selection: {}, only: 'all', pace: 2 },
    }));
    await world.stack.rest.call('PUT', `/products/${world.product.id}/secrets/HOOK_KEY`, { value: 'a secret value' });
  }, STEPS_MS);
  afterAll(() => world?.stop(), STEPS_MS);

  const pages = () => {
    const product = `/products/${world.product.id}`;
    return [
      '/products',
      '/products/new',
      product,
      `${product}/mqtt-config`,
      `${product}/subscriptions/new`,
      `${product}/subscriptions/${subscription_id}`,
      `${product}/deliveries`,
      `${product}/messages?open=${message_id}`,
      `${product}/replays?open=${replay_id}`,
      `${product}/secrets`,
      `${product}/listeners`,
      `${product}/audit-log`,
      `${product}/settings`,
      '/audit-log',
      '/users',
      '/account',
      '/about',
      '/nowhere',
    ];
  };

  const faultsOf = async (page: Page): Promise<string[]> => {
    const wide = await overflow(page);
    return [...(await seriousFaults(page)), ...(wide > 0 ? [`${wide} px too wide`] : [])];
  };

  it.each([
    { scheme: 'light', width: 1280 },
    { scheme: 'dark', width: 360 },
  ] as const)(
    'has no serious accessibility fault and nothing to scroll sideways: $scheme, $width px',
    async ({ scheme, width }) => {
      const visit = await openConsole({ browser: world.browser, url: world.stack.orchestrator_url, width, scheme });
      const { page } = visit;
      const found: Record<string, string[]> = {};
      const look = async (path: string) => {
        await page.getByRole('heading', { level: 1 }).first().waitFor({ state: 'attached' });
        // Skeletons go when the data is there.
        await page.locator('[role=status][aria-label^=Loading]').first().waitFor({ state: 'detached' });
        const faults = await faultsOf(page);
        if (faults.length > 0) found[path] = faults;
      };
      await page.goto('/sign-in');
      await look('/sign-in');
      await page.getByLabel('Email').fill(world.stack.admin.email);
      await page.getByRole('textbox', { name: 'Password' }).fill(world.stack.admin.password);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.waitForURL('**/products');
      for (const path of pages()) {
        await page.goto(path);
        await look(path);
      }
      expect(found).toEqual({});
      expect(visit.faults).toEqual([]);
      await visit.close();
    },
    STEPS_MS,
  );

  it(
    'finds a recorded message, uses it as a sample, and runs what was recorded through a new subscription',
    async () => {
      const { page } = world;
      const product = `/products/${world.product.id}`;
      await page.goto(`${product}/messages?open=${message_id}`);
      await page.getByRole('link', { name: 'Use as sample' }).click();
      await page.waitForURL(`**/subscriptions/${subscription_id}?message=${message_id}`);
      await page.getByText('"total": 7').first().waitFor();

      await page.goto(`${product}/subscriptions/new`);
      await page.getByLabel('Name').first().fill('Everything');
      await page.getByLabel('Topic').first().fill('orders/#');
      await page.getByRole('button', { name: 'Save' }).first().click();
      await page.getByText('Also run it over the last 3 days').waitFor();
      await page.getByRole('link', { name: 'Look at the plan' }).click();
      await page.getByRole('dialog').getByText('Had ended').first().waitFor();
      await page.getByRole('button', { name: 'Start' }).click();
      await page.getByRole('dialog').getByText('Done', { exact: true }).waitFor();

      await page.goto(`${product}/replays?from=2026-01-02T03:00:00.000Z&to=2026-01-02T04:00:00.000Z`);
      await page.getByRole('button', { name: 'Plan' }).click();
      await page.getByText('Nothing is selected').waitFor();
    },
    STEPS_MS,
  );
});
