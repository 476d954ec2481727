import { waitFor } from '@cortex-mqtt/testing';
import type { Page } from 'playwright-core';
import { type ConsoleWorld, region, STEPS_MS, startConsoleWorld } from './console-world';

describe('the action editor', () => {
  let world: ConsoleWorld;
  let page: Page;

  beforeAll(async () => {
    world = await startConsoleWorld({ listener: true });
    ({ page } = world);
    await world.stack.rest.call('PUT', `/products/${world.product.id}/secrets/HOOK_KEY`, {
      value: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    });
    await page.goto(`/products/${world.product.id}/subscriptions/new`);
  }, STEPS_MS);
  afterAll(() => world?.stop(), STEPS_MS);

  const handles = () => page.getByRole('button', { name: /^Move / });
  const order = async () => Promise.all((await handles().all()).map((handle) => handle.getAttribute('aria-label')));
  const addAction = async (type: string) => {
    await page.getByRole('button', { name: 'Add an action' }).click();
    await page.getByRole('menuitem', { name: type }).click();
    await page.getByRole('button', { name: `Move ${type}`, exact: true }).waitFor();
  };
  const announced = (text: string) =>
    page.locator('[id^=DndLiveRegion]').filter({ hasText: text }).waitFor({ state: 'attached' });
  /** A lifted action takes keys from the next turn of the page on; at its last place a further press does nothing. */
  const moveUntil = async (key: 'ArrowUp' | 'ArrowDown', text: string) =>
    waitFor(
      async () => {
        await page.keyboard.press(key);
        return (await page.locator('[id^=DndLiveRegion]').filter({ hasText: text }).count()) > 0;
      },
      { timeout_ms: 60_000, message: () => text },
    );
  const dryRun = () => page.getByRole('button', { name: 'Dry run', exact: true });
  const save = () => page.getByRole('button', { name: 'Save', exact: true });

  it(
    'completes fields of the message, and shows what an expression gives while one types',
    async () => {
      await page.getByLabel('Name', { exact: true }).first().fill('Big orders');
      await page.getByLabel('Topic', { exact: true }).first().fill('big/{+id}');
      await page.getByRole('button', { name: 'Add a condition' }).click();
      const condition = page.getByRole('textbox', { name: 'Condition' });
      await condition.waitFor();
      // The cursor is in it already.
      await page.keyboard.type('pay');
      await page.getByRole('option', { name: /payload/ }).click();
      await page.keyboard.type('.');
      await page.getByRole('option', { name: /value/ }).click();
      await page.keyboard.type(' > 40');
      const gives = page.getByText('true', { exact: true });
      await gives.waitFor();
      expect(await condition.textContent()).toBe('payload.value > 40');
      await page.keyboard.insertText(' and (');
      await page.getByText(/line 1, column/).waitFor();
      await page.keyboard.press('Control+a');
      await page.keyboard.insertText('payload.value > 40');
      await gives.waitFor();
    },
    STEPS_MS,
  );

  it(
    'takes a secret by its name, and a dry run says what would be sent, and sends nothing',
    async () => {
      await addAction('Call a webhook');
      await page.keyboard.type('Call the shop');
      await page.getByRole('button', { name: 'Move Call the shop', exact: true }).waitFor();
      await page.keyboard.press('Control+a');
      await page.keyboard.press('Delete');
      await page.getByRole('textbox', { name: 'URL' }).fill(`${world.receiver.url}/orders`);
      await page.getByRole('combobox', { name: 'Signing secrets' }).click();
      await page.getByRole('listbox', { name: 'Signing secrets' }).getByRole('option', { name: 'HOOK_KEY' }).click();
      await page.keyboard.press('Escape');
      await dryRun().click();
      const result = region(page, 'Dry run');
      await result.getByText('would run').waitFor();
      await result.getByText(`${world.receiver.url}/orders`).first().waitFor();
      expect(world.receiver.count()).toBe(0);
    },
    STEPS_MS,
  );

  it(
    'moves actions by keyboard, opened as they are, and tells where they are',
    async () => {
      await addAction('Write to the log');
      const [webhook, log] = ['Move Call a webhook', 'Move Write to the log'];
      expect(await order()).toEqual([webhook, log]);
      await page.getByRole('button', { name: log }).focus();
      await page.keyboard.press('Space');
      await announced('Write to the log is at place 2 of 2');
      await moveUntil('ArrowUp', 'Write to the log is at place 1 of 2');
      await page.keyboard.press('Space');
      await page.locator(`ol button[aria-label^="Move "]`).first().and(page.getByLabel(log)).waitFor();
      expect(await order()).toEqual([log, webhook]);
      // Left where it was.
      await page.keyboard.press('Space');
      await moveUntil('ArrowDown', 'Write to the log is at place 2 of 2');
      await page.keyboard.press('Escape');
      await announced('Write to the log is at place 1 of 2');
      expect(await order()).toEqual([log, webhook]);
    },
    STEPS_MS,
  );

  it(
    'moves actions by dragging',
    async () => {
      const [log, webhook] = [handles().nth(0), handles().nth(1)];
      const first = await webhook.getAttribute('aria-label');
      await webhook.scrollIntoViewIfNeeded();
      const [from, to] = [await webhook.boundingBox(), await log.boundingBox()];
      if (!from || !to) throw new Error('the handles are not on the page');
      await page.mouse.move(from.x + 5, from.y + 5);
      await page.mouse.down();
      await page.mouse.move(from.x + 5, from.y - 10, { steps: 4 });
      await page.mouse.move(to.x + 5, to.y + 5, { steps: 8 });
      await announced('Call a webhook is at place 1 of 2');
      await page.mouse.up();
      await page
        .locator(`ol button[aria-label^="Move "]`)
        .first()
        .and(page.getByLabel('Move Call a webhook'))
        .waitFor();
      expect((await order())[0]).toBe(first);
    },
    STEPS_MS,
  );

  it(
    'is the same as JSON; a text that is none is kept, and neither run nor saved',
    async () => {
      await page.getByText('JSON', { exact: true }).first().click();
      const json = page.getByRole('textbox', { name: 'JSON', exact: true });
      await json.getByText('"HOOK_KEY"').first().waitFor();
      const draft = JSON.parse((await json.innerText()).replaceAll('\u00a0', ' ')) as object;
      await json.click();
      await page.keyboard.press('Control+a');
      await page.keyboard.insertText('{"name": ');
      await world.said(/This is not JSON yet/);
      expect([await save().isEnabled(), await dryRun().isEnabled()]).toEqual([false, false]);
      expect(await page.getByRole('radio', { name: 'Pipeline' }).isDisabled()).toBe(true);
      await page.keyboard.press('Control+a');
      await page.keyboard.insertText(JSON.stringify({ ...draft, description: 'Orders over 40' }, null, 2));
      await page.getByText('Pipeline', { exact: true }).first().click();
      await page.getByRole('button', { name: /^More settings/ }).click();
      expect(await page.getByLabel('Description', { exact: true }).inputValue()).toBe('Orders over 40');
    },
    STEPS_MS,
  );

  it(
    'is saved, and the next message that fits goes where it shall, signed',
    async () => {
      await save().click();
      await world.said('“Big orders” is created');
      await world.product.untilSettled();
      await world.publisher.publish('shop/big/7', '{"value": 1}');
      await world.publisher.publish('shop/big/8', '{"value": 42}');
      const [request] = await world.receiver.waitForRequests(1, { timeout_ms: 60_000 });
      expect(request?.json()).toMatchObject({ topic: 'shop/big/8', params: { id: '8' }, payload: { value: 42 } });
      expect(request?.headers['webhook-signature']).toMatch(/^v1,/);
    },
    STEPS_MS,
  );

  it(
    'takes a recent message as its sample, or waits for the next one',
    async () => {
      const sample = region(page, 'Sample message');
      const topic = sample.getByLabel('Topic', { exact: true });
      await sample.getByText('Recent', { exact: true }).click();
      await sample.getByRole('button', { name: 'Use the message on shop/big/8' }).click();
      expect(await topic.inputValue()).toBe('shop/big/8');
      await sample.getByText('Next one', { exact: true }).click();
      await sample.getByText('Waiting for the next message…').waitFor();
      await world.publisher.publish('shop/big/9', '{"value": 50}');
      await topic.waitFor();
      expect(await topic.inputValue()).toBe('shop/big/9');
    },
    STEPS_MS,
  );

  it(
    'says after 30 seconds without a message what to check',
    async () => {
      await page.clock.install();
      await page.reload();
      const sample = region(page, 'Sample message');
      await sample.getByText('Next one', { exact: true }).click();
      await sample.getByText('Waiting for the next message…').waitFor();
      await page.clock.fastForward(31_000);
      await sample.getByText('Nothing for 30 seconds. Check this:').waitFor();
      await sample.getByText('shop/big/+').waitFor();
    },
    STEPS_MS,
  );

  it('has broken no rule of the Content-Security-Policy, and thrown nothing', () => {
    expect(world.admin.faults).toEqual([]);
  });
});
