import type { Page } from 'playwright-core';
import { openConsole, overflow, seriousFaults } from './browser';
import { type ConsoleWorld, STEPS_MS, startConsoleWorld } from './console-world';

describe('the console for everybody', () => {
  let world: ConsoleWorld;
  let subscription_id: number;

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
});
