import { startMosquitto, waitFor } from '@cortex-mqtt/testing';
import type { Page } from 'playwright-core';
import { type ConsoleWorld, region, STEPS_MS, startConsoleWorld } from './console-world';

describe('configuring a product in the console', () => {
  let world: ConsoleWorld;
  let page: Page;

  beforeAll(async () => {
    world = await startConsoleWorld({ listener: true });
    ({ page } = world);
  }, STEPS_MS);
  afterAll(() => world?.stop(), STEPS_MS);

  const storedTopics = async () =>
    (
      await world.stack.rest.call<{ mqtt_config: { topics: { prefix: string; pattern: string } } }>(
        'GET',
        world.product.path,
      )
    ).mqtt_config.topics;
  const confirmSave = async () => {
    await page.getByRole('button', { name: 'Review and save' }).click();
    const dialog = page.getByRole('dialog', { name: 'What this changes' });
    await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  };

  it(
    'lists the product with its live state, and opens it',
    async () => {
      const row = page.getByRole('listitem').filter({ hasText: 'Orders' });
      await row.getByText('Connected', { exact: true }).waitFor();
      await row.getByRole('link').first().click();
      await world.said('Everything works');
    },
    STEPS_MS,
  );

  it(
    'tests a wrong password before it is saved, and says what is wrong',
    async () => {
      await page.goto(world.config_page);
      await page.getByRole('button', { name: 'Replace' }).first().click();
      await page.getByLabel('Password', { exact: true }).fill('wrong-password');
      await page.getByRole('button', { name: 'Test connection' }).click();
      const report = region(page, 'Connection test');
      await report.getByText('The connection does not work').waitFor();
      const stage = report.getByRole('listitem').filter({ hasText: 'MQTT login' });
      await stage.waitFor();
      // The cause stands once, below the stages; nothing of what only the API is interested in.
      await report
        .getByText(/password|not authori[sz]ed/i)
        .first()
        .waitFor();
      expect(await stage.textContent()).not.toMatch(/password|client id|attempts/);
      expect((await world.product.status()).connected).toBe(true);
    },
    STEPS_MS,
  );

  it(
    'keeps a typed password through every refresh of what lies around it',
    async () => {
      await world.product.configure({ topics: { pattern: 'changed/#' } });
      await world.said('Changed by someone else');
      expect(await page.getByLabel('Pattern', { exact: true }).inputValue()).toBe('changed/#');
      expect(await page.getByLabel('Password', { exact: true }).inputValue()).toBe('wrong-password');
      await page.getByRole('button', { name: 'Discard' }).click();
      await world.product.configure({ topics: { pattern: '' } });
    },
    STEPS_MS,
  );

  it(
    'shows what a save changes, and the listener applies it at once',
    async () => {
      await page.getByLabel('Prefix', { exact: true }).fill('market');
      await page.getByRole('button', { name: 'Review and save' }).click();
      const dialog = page.getByRole('dialog', { name: 'What this changes' });
      await dialog.getByText('market').first().waitFor();
      await dialog.getByRole('button', { name: 'Save', exact: true }).click();
      await world.said(/Saved as revision/);
      await world.product.untilSettled();
      await world.publisher.publish('market/orders/1', '{"total": 5}');
      await world.product.untilStatus('the message', ({ messages_received }) => messages_received === 1);
      await region(page, 'Connection').getByText('just now').first().waitFor();
    },
    STEPS_MS,
  );

  it(
    'merges its change with one of another field that came first, through a 412',
    async () => {
      await page.goto(world.config_page);
      await page.getByLabel('Pattern', { exact: true }).fill('eu/#');
      // What is polled would bring the other revision to the form: the save has to find out by itself.
      const answers: number[] = [];
      page.on('response', (response) => {
        if (response.request().method() === 'PUT') answers.push(response.status());
      });
      let isCut = true;
      await page.route('**/mqtt-config', (route) =>
        isCut && route.request().method() === 'GET' && route.request().resourceType() === 'fetch'
          ? route.abort()
          : route.continue(),
      );
      await world.product.configure({ topics: { prefix: 'bazaar' } });
      await page.route('**/mqtt-config', async (route) => {
        if (route.request().method() === 'PUT') isCut = false;
        await route.fallback();
      });
      await confirmSave();
      await world.said('Saved together with another change');
      await page.unroute('**/mqtt-config');
      expect(answers).toEqual([412, 200]);
      expect(await storedTopics()).toMatchObject({ prefix: 'bazaar', pattern: 'eu/#' });
    },
    STEPS_MS,
  );

  it(
    'shows both sides when both changed the same field, and saves the one that is chosen',
    async () => {
      await page.getByLabel('Prefix', { exact: true }).fill('mine');
      await world.product.configure({ topics: { prefix: 'theirs' } });
      await world.said('Somebody else changed this meanwhile');
      await page.getByRole('button', { name: 'Review and save' }).click();
      const choice = page.getByRole('dialog', { name: 'Changed on both sides' });
      await choice.getByText('theirs').first().waitFor();
      await choice.getByText('mine', { exact: true }).first().click();
      await choice.getByRole('button', { name: 'Apply my choice' }).click();
      await page
        .getByRole('dialog', { name: 'What this changes' })
        .getByRole('button', { name: 'Save', exact: true })
        .click();
      await waitFor(async () => (await storedTopics()).prefix === 'mine', {
        timeout_ms: 60_000,
        message: () => 'the chosen prefix to be saved',
      });
    },
    STEPS_MS,
  );

  it(
    'goes on showing the newest value as theirs when what it had read before is older',
    async () => {
      await page.goto(world.config_page);
      await page.getByLabel('Prefix', { exact: true }).fill('ours');
      // Nothing is read any more until the save has to read the newest version by itself.
      let isCut = true;
      await page.route('**/mqtt-config', (route) =>
        isCut && route.request().method() === 'GET' ? route.abort() : route.fallback(),
      );
      await world.product.configure({ topics: { prefix: 'newest' } });
      await page.route('**/mqtt-config', async (route) => {
        if (route.request().method() === 'PUT') isCut = false;
        await route.fallback();
      });
      await confirmSave();
      const choice = page.getByRole('dialog', { name: 'Changed on both sides' });
      await choice.getByText('newest', { exact: true }).waitFor();
      await choice.getByText('newest', { exact: true }).click();
      await choice.getByRole('button', { name: 'Apply my choice' }).click();
      await page.unroute('**/mqtt-config');
      await waitFor(async () => (await page.getByLabel('Prefix', { exact: true }).inputValue()) === 'newest', {
        timeout_ms: 60_000,
        message: () => 'their prefix in the form',
      });
      await world.product.configure({ topics: { prefix: 'mine' } });
    },
    STEPS_MS,
  );

  it(
    'keeps what is typed through a reload, secrets excepted, and saves it by Ctrl+S',
    async () => {
      await page.goto(world.config_page);
      await page.getByLabel('Pattern', { exact: true }).fill('eu/#');
      await page.getByLabel('Pattern', { exact: true }).fill('kept/#');
      await page.getByRole('button', { name: 'Replace' }).first().click();
      await page.getByLabel('Password', { exact: true }).fill('typed-secret');
      page.once('dialog', (dialog) => void dialog.accept());
      await page.reload();
      await world.said('1 unsaved change');
      expect(await page.getByLabel('Pattern', { exact: true }).inputValue()).toBe('kept/#');
      expect(await page.evaluate('JSON.stringify(sessionStorage)')).not.toContain('typed-secret');
      await page.keyboard.press('Control+s');
      await page.getByRole('dialog', { name: 'What this changes' }).getByText('kept/#').first().waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Discard' }).click();
      await page.getByText('unsaved change').waitFor({ state: 'detached' });
    },
    STEPS_MS,
  );

  it(
    'switches a subscription off at once, and undoes it',
    async () => {
      await page.goto(world.config_page);
      const toggle = page.getByRole('switch', { name: 'Subscription Order placed' });
      await toggle.click({ force: true });
      await world.said('“Order placed” is switched off');
      await page.getByRole('button', { name: 'Undo' }).click();
      await waitFor(() => toggle.isChecked(), { timeout_ms: 60_000, message: () => 'the subscription to be on again' });
    },
    STEPS_MS,
  );

  it(
    'reconnects the listener and tells the outcome',
    async () => {
      await world.product.untilSettled();
      await page.getByRole('button', { name: 'Reconnect' }).click();
      await world.said('The listener reconnected');
    },
    STEPS_MS,
  );

  it(
    'names the state of a broker that is gone: why, and when the next try is',
    async () => {
      await page.goto(`/products/${world.product.id}`);
      await world.said('Everything works');
      await world.mosquitto.stop();
      await page.goto(world.config_page);
      const status = region(page, 'Connection');
      await status.getByText('Disconnected', { exact: true }).first().waitFor();
      await status.getByText('never gives up').first().waitFor();
      await status
        .getByText(/next try (in \d+ s|now)/)
        .first()
        .waitFor();
      expect(await status.getByText('1 of 1').count()).toBe(0);
      await world.mosquitto.start();
      await status.getByText('Connected', { exact: true }).first().waitFor();
    },
    STEPS_MS,
  );

  it(
    'asks every five seconds while the stream is cut, and goes back to it',
    async () => {
      const isStream = (url: URL) => url.pathname.endsWith('/status/stream');
      await page.route(isStream, (route) => route.abort());
      await page.goto(world.config_page);
      const status = region(page, 'Connection');
      await status.getByText('Every 5 s').waitFor();
      await world.publisher.publish('mine/eu/orders/2', '{}');
      const { messages_received } = await world.product.untilStatus(
        'the message',
        (now) => now.messages_received === 2,
      );
      await status.getByText(`${messages_received} `, { exact: false }).first().waitFor();
      await page.unroute(isStream);
      await status.getByText('Live', { exact: true }).waitFor();
    },
    STEPS_MS,
  );

  it(
    'adds a broker to fail over to, and tests it with its stored password',
    async () => {
      const second = await startMosquitto({ users: { backup: 'the-other-password' } });
      try {
        await page.goto(`${world.config_page}#brokers`);
        await page.getByRole('button', { name: 'Add a broker' }).click();
        const dialog = page.getByRole('dialog', { name: 'Broker to fail over to' });
        await dialog.getByLabel('Name', { exact: true }).fill('backup');
        await dialog.getByLabel('Host', { exact: true }).fill('127.0.0.1');
        await dialog.getByLabel('Port', { exact: true }).fill(String(second.port));
        await dialog.getByLabel('User name', { exact: true }).fill('backup');
        await dialog.getByLabel('Password', { exact: true }).fill('the-other-password');
        await dialog.getByRole('button', { name: 'Save', exact: true }).click();
        await world.said('“backup” is saved');
        await page.getByRole('button', { name: 'Edit backup' }).click();
        const editor = page.getByRole('dialog', { name: 'Edit backup' });
        await editor.getByText('Stored', { exact: true }).waitFor();
        await editor.getByRole('button', { name: 'Test connection' }).click();
        await editor.getByText('The connection works').waitFor();
        // Somebody changes something else of the product meanwhile: that is no conflict.
        await world.product.configure({ broker: { keep_alive: 45 } });
        await editor.getByLabel('Name', { exact: true }).fill('spare');
        await editor.getByRole('button', { name: 'Save', exact: true }).click();
        await world.said('“spare” is saved');
        await region(page, 'Brokers and failover').getByText('In use now').waitFor();

        // Both at once, by choice: each has its own state.
        await page.getByText('Delivery, failover and probe', { exact: true }).click();
        await page.getByLabel('Fail over after (s)').fill('20');
        await page.getByText('All at once', { exact: true }).click();
        expect(await page.getByLabel('Fail over after (s)').isDisabled()).toBe(true);
        await page.getByRole('button', { name: 'Review and save' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click();
        await region(page, 'Brokers and failover').getByText('In use now').nth(1).waitFor();
        await region(page, 'Connection').getByText('spare', { exact: true }).waitFor();
        await world.product.configure({ failover: { subscribe_on: 'one', after_s: null } });
        await region(page, 'Connection').getByText('spare', { exact: true }).waitFor({ state: 'detached' });
      } finally {
        await second.stop();
      }
    },
    STEPS_MS,
  );

  it(
    'asks before unsaved work is left, and stays when told so',
    async () => {
      await page.getByLabel('Prefix', { exact: true }).fill('half typed');
      await page.getByRole('link', { name: 'Deliveries' }).click();
      await page.getByRole('dialog', { name: 'Leave without saving?' }).getByRole('button', { name: 'Stay' }).click();
      expect(await page.getByLabel('Prefix', { exact: true }).inputValue()).toBe('half typed');
      await page.getByRole('button', { name: 'Discard' }).click();
    },
    STEPS_MS,
  );

  it('has broken no rule of the Content-Security-Policy, and thrown nothing', () => {
    expect(world.admin.faults).toEqual([]);
  });
});
