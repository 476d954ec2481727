import { waitFor } from '@cortex-mqtt/testing';
import type { Page } from 'playwright-core';
import { type ConsoleWorld, region, STEPS_MS, startConsoleWorld } from './console-world';

/** More than fit on a page of the list. */
const LETTERS = 55;

describe('dead letters in the console', () => {
  let world: ConsoleWorld;
  let page: Page;
  let deliveries: string;

  beforeAll(async () => {
    world = await startConsoleWorld({ listener: true, product: { subscriptions: [] } });
    ({ page } = world);
    deliveries = `/products/${world.product.id}/deliveries`;
    await world.product.addSubscription({
      name: 'Order placed',
      topic: 'orders/{+id}',
      actions: [
        {
          id: 'a1',
          type: 'webhook',
          name: 'Tell the shop',
          enabled: true,
          url: `${world.receiver.url}/orders/{{params.id}}`,
          // Wrong: the total is a number.
          input: '{"total": $uppercase(payload.total)}',
        },
      ],
    });
    await world.product.untilSettled();
    for (let number = 1; number <= LETTERS; number += 1) {
      await world.publisher.publish(`shop/orders/${number}`, `{"total": ${number}}`);
    }
    await untilDead(LETTERS);
  }, STEPS_MS);
  afterAll(() => world?.stop(), STEPS_MS);

  const dead = async (): Promise<number> =>
    (await world.stack.rest.call<{ dead: number }>('GET', `${deliveries}/counts`)).dead;
  const untilDead = (count: number) =>
    waitFor(async () => (await dead()) === count, {
      timeout_ms: 90_000,
      message: () => `${count} dead letters`,
    });

  it(
    'are a problem of the product, named in the list of products and on its overview',
    async () => {
      await page.goto('/products');
      const row = page.getByRole('listitem').filter({ hasText: 'Orders' });
      await row.getByText(`${LETTERS} deliveries were given up`).waitFor();
      await world.said('1 product needs attention');
      await page.goto(`/products/${world.product.id}`);
      await page.getByRole('link', { name: 'Open the dead letters' }).click();
      await world.said(`Dead letters (${LETTERS})`);
    },
    STEPS_MS,
  );

  it(
    'tell their message and each attempt, and open in the editor with their message',
    async () => {
      await page.goto(`${deliveries}?page=2`);
      await page.getByRole('link', { name: 'Delivery of shop/orders/1', exact: true }).click();
      const drawer = page.getByRole('dialog', { name: 'Delivery' });
      await drawer.getByText('Failed for good').waitFor();
      await drawer.getByText('Tell the shop').first().waitFor();
      await drawer.getByRole('link', { name: 'Debug in the editor' }).click();
      await world.said('From a dead letter');
      const sample = region(page, 'Sample message');
      expect(await sample.getByLabel('Topic', { exact: true }).inputValue()).toBe('shop/orders/1');
      expect(await sample.getByRole('textbox', { name: 'Payload' }).textContent()).toContain('"total": 1');
    },
    STEPS_MS,
  );

  it('have broken no rule of the Content-Security-Policy, and thrown nothing', () => {
    expect(world.admin.faults).toEqual([]);
  });
});
