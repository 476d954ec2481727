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
      await row.getByText(`${LETTERS} dead letters`).waitFor();
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
      await drawer.getByText('Failed permanently').waitFor();
      await drawer.getByText('Tell the shop').first().waitFor();
      await drawer.getByRole('link', { name: 'Debug in the editor' }).click();
      await world.said('From a dead letter');
      const sample = region(page, 'Sample message');
      expect(await sample.getByLabel('Topic', { exact: true }).inputValue()).toBe('shop/orders/1');
      expect(await sample.getByRole('textbox', { name: 'Payload' }).textContent()).toContain('"total": 1');
    },
    STEPS_MS,
  );

  it(
    'are mended there: the expression, a dry run, the save, and the next try succeeds',
    async () => {
      await page.getByRole('button', { name: 'Dry run', exact: true }).click();
      await region(page, 'Dry run').getByText('fails', { exact: true }).first().waitFor();
      expect(await page.getByRole('button', { name: 'Try again' }).isEnabled()).toBe(true);
      await page
        .getByRole('button', { name: /^Tell the shop/ })
        .first()
        .click();
      const input = page.getByRole('textbox', { name: 'Input', exact: true });
      await input.click();
      await page.keyboard.press('Control+a');
      await page.keyboard.insertText('{"total": payload.total}');
      // What is not saved would not be what is retried.
      expect(await page.getByRole('button', { name: 'Try again' }).isEnabled()).toBe(false);
      await page.getByRole('button', { name: 'Dry run', exact: true }).click();
      await region(page, 'Dry run').getByText('would run').waitFor();
      expect(world.receiver.count()).toBe(0);
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await world.said('“Order placed” is saved');
      await world.product.untilSettled();
      await page.getByRole('button', { name: 'Try again' }).click();
      await world.said('The delivery is being retried');
      const [request] = await world.receiver.waitForRequests(1, { timeout_ms: 60_000 });
      expect([request?.url, request?.json()]).toEqual(['/orders/1', { total: 1 }]);
    },
    STEPS_MS,
  );

  it(
    'are tried again with another payload',
    async () => {
      await untilDead(LETTERS - 1);
      await page.goto(deliveries);
      await page.getByRole('link', { name: `Delivery of shop/orders/${LETTERS}`, exact: true }).click();
      await page.getByRole('button', { name: 'Edit and try again' }).click();
      const dialog = page.getByRole('dialog', { name: 'Edit the payload' });
      await dialog.getByRole('textbox', { name: 'Payload' }).click();
      await page.keyboard.press('Control+a');
      await page.keyboard.insertText('{"total": 9007199254740993}');
      const answers: number[] = [];
      page.on('response', (response) => answers.push(response.status()));
      await dialog.getByRole('button', { name: 'Try again' }).click();
      // The view of it closes: nothing asks for what has succeeded and is gone.
      await page.getByRole('dialog', { name: 'Delivery' }).waitFor({ state: 'detached' });
      const requests = await world.receiver.waitForRequests(2, { timeout_ms: 60_000 });
      expect(requests[1]?.url).toBe(`/orders/${LETTERS}`);
      await world.said(`Dead letters (${LETTERS - 2})`);
      expect(answers).not.toContain(404);
    },
    STEPS_MS,
  );

  it(
    'are tried again all together from whichever page, with progress that outlives a reload',
    async () => {
      await untilDead(LETTERS - 2);
      await page.goto(`${deliveries}?page=2`);
      await page.getByRole('button', { name: `Retry all ${LETTERS - 2}` }).click();
      const dialog = page.getByRole('dialog', { name: `Retry ${LETTERS - 2} dead letters` });
      await dialog.getByRole('button', { name: `Retry all ${LETTERS - 2}` }).click();
      const done = page.getByText(`${LETTERS - 2} dead letters are being retried`);
      await done.waitFor();
      await page.reload();
      await done.waitFor();
      const requests = await world.receiver.waitForRequests(LETTERS, { timeout_ms: 90_000 });
      expect(new Set(requests.map(({ url }) => url)).size).toBe(LETTERS);
    },
    STEPS_MS,
  );

  it(
    'are deleted only after their number was typed',
    async () => {
      await untilDead(0);
      await world.publisher.publish('shop/orders/broken', 'not JSON');
      await world.publisher.publish('shop/orders/broken', 'not JSON either');
      await untilDead(2);
      await page.goto(deliveries);
      await page.getByRole('button', { name: 'Delete all 2' }).click();
      const dialog = page.getByRole('dialog', { name: 'Delete 2 dead letters' });
      const confirm = dialog.getByRole('button', { name: 'Delete all 2' });
      expect(await confirm.isEnabled()).toBe(false);
      await dialog.getByLabel('Type 2 to confirm').fill('2');
      await confirm.click();
      await world.said('2 dead letters are deleted');
      await world.said('No dead letters');
      expect(await dead()).toBe(0);
    },
    STEPS_MS,
  );

  it('have broken no rule of the Content-Security-Policy, and thrown nothing', () => {
    expect(world.admin.faults).toEqual([]);
  });
});
