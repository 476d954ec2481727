import { type HttpReceiver, type Mosquitto, startHttpReceiver, startMosquitto, waitFor } from '@cortex-mqtt/testing';
import type { Browser, Page } from 'playwright-core';
import type { TestProduct } from '../harness/product';
import { type Publisher, startPublisher } from '../harness/publisher';
import { type Stack, startStack } from '../harness/stack';
import { launchBrowser, openConsole, overflow, seriousFaults, signInAt, type Visit } from './browser';

const STEPS_MS = 120_000;
const VIEWER = { email: 'viewer@example.com', password: 'looking-is-enough' };

describe('the console, in a browser against the whole system', () => {
  let stack: Stack;
  let mosquitto: Mosquitto;
  let receiver: HttpReceiver;
  let publisher: Publisher;
  let browser: Browser;
  let product: TestProduct;
  let admin: Visit;
  let page: Page;

  beforeAll(async () => {
    [stack, mosquitto, receiver, browser] = await Promise.all([
      startStack({ queue: 'postgres' }),
      startMosquitto({ users: { shop: 'right-password' } }),
      startHttpReceiver(),
      launchBrowser(),
    ]);
    publisher = await startPublisher(mosquitto.url, { username: 'shop', password: 'right-password' });
    product = await stack.newProduct({
      name: 'Orders',
      broker: { host: '127.0.0.1', port: mosquitto.port, username: 'shop', password: 'right-password' },
      topics: { prefix: 'shop', qos: 1 },
      subscriptions: [{ name: 'Order placed', topic: 'orders/{+id}' }],
    });
    await stack.rest.call('POST', '/users', { ...VIEWER, name: 'Vera', role: 'viewer' });
    await stack.startListener(product);
    await product.untilSettled();
    admin = await openConsole({ browser, url: stack.orchestrator_url });
    page = admin.page;
  }, STEPS_MS);

  afterAll(async () => {
    await admin?.close();
    await browser?.close();
    await publisher?.end();
    await receiver?.stop();
    await stack?.stop();
    await mosquitto?.stop();
  }, STEPS_MS);

  const configPage = () => `/products/${product.id}/mqtt-config`;
  const said = (text: string | RegExp) => page.getByText(text).first().waitFor();

  it(
    'refuses a wrong password, signs in, and goes on to the page that was asked for',
    async () => {
      await signInAt(page, { ...stack.admin, password: 'not this one' }, '/?next=%2Fabout');
      await page.getByRole('alert').waitFor();
      await page.getByRole('textbox', { name: 'Password' }).fill(stack.admin.password);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.waitForURL('**/about');
    },
    STEPS_MS,
  );

  it(
    'lists the products with their live state',
    async () => {
      await page.goto('/products');
      const row = page.getByRole('listitem').filter({ hasText: 'Orders' });
      await row.getByText('Connected', { exact: true }).waitFor();
    },
    STEPS_MS,
  );

  it(
    'tests a wrong password before it is saved, and says what is wrong',
    async () => {
      await page.goto(configPage());
      await page.getByRole('button', { name: 'Replace' }).first().click();
      await page.getByLabel('Password', { exact: true }).fill('wrong-password');
      await page.getByRole('button', { name: 'Test connection' }).click();
      const report = page.getByRole('region', { name: 'Connection test' });
      await report.getByText('The connection does not work').waitFor();
      await report
        .getByText(/password|not authori[sz]ed/i)
        .first()
        .waitFor();
      expect((await product.status()).connected).toBe(true);
      await page.getByRole('button', { name: 'Discard' }).click();
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
      await said(/Saved as revision/);
      const { applied_revision, desired_revision } = await product.untilSettled();
      expect(applied_revision).toBe(desired_revision);
      await publisher.publish('market/orders/1', '{"total": 5}');
      await product.untilStatus('the message to be counted', ({ messages_received }) => messages_received === 1);
    },
    STEPS_MS,
  );

  it(
    'joins its change with one of another field, and asks which of two changes of the same field shall be',
    async () => {
      await page.goto(configPage());
      await page.getByLabel('Pattern', { exact: true }).waitFor();
      // The status stream would bring the other revision to the form at once; the save has to find out by itself.
      await page.route('**/mqtt-config', (route) =>
        route.request().method() === 'GET' && route.request().resourceType() === 'fetch'
          ? route.abort()
          : route.continue(),
      );
      await page.getByLabel('Pattern', { exact: true }).fill('eu/#');
      await product.configure({ topics: { prefix: 'bazaar' } });
      await page.unroute('**/mqtt-config');
      await page.getByRole('button', { name: 'Review and save' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click();
      await said(/Saved (as revision|together)/);
      const merged = await stack.rest.call<{ mqtt_config: { topics: object } }>('GET', product.path);
      expect(merged.mqtt_config.topics).toMatchObject({ prefix: 'bazaar', pattern: 'eu/#' });

      await page.getByLabel('Prefix', { exact: true }).fill('mine');
      await product.configure({ topics: { prefix: 'theirs' } });
      await said('Somebody else changed this meanwhile');
      await page.getByRole('button', { name: 'Review and save' }).click();
      const choice = page.getByRole('dialog', { name: 'Changed on both sides' });
      await choice.getByText('theirs').first().waitFor();
      await choice.getByText('mine', { exact: true }).first().click();
      await choice.getByRole('button', { name: 'Apply my choice' }).click();
      await page
        .getByRole('dialog', { name: 'What this changes' })
        .getByRole('button', { name: 'Save', exact: true })
        .click();
      await waitFor(
        async () =>
          (await stack.rest.call<{ mqtt_config: { topics: { prefix: string } } }>('GET', product.path)).mqtt_config
            .topics.prefix === 'mine',
        { timeout_ms: 30_000, message: () => 'the chosen prefix to be saved' },
      );
    },
    STEPS_MS,
  );

  it(
    'switches a subscription off at once, and undoes it',
    async () => {
      await page.goto(configPage());
      const toggle = page.getByRole('switch', { name: 'Subscription Order placed' });
      await toggle.click({ force: true });
      await said('“Order placed” is switched off');
      await page.getByRole('button', { name: 'Undo' }).click();
      await waitFor(() => toggle.isChecked(), { timeout_ms: 30_000, message: () => 'the subscription to be on again' });
    },
    STEPS_MS,
  );

  it(
    'reconnects the listener and tells the outcome',
    async () => {
      await product.untilSettled();
      await page.getByRole('button', { name: 'Reconnect' }).click();
      await said('The listener reconnected');
    },
    STEPS_MS,
  );

  it(
    'builds an action with condition and dry run, and a message arrives at its destination',
    async () => {
      await page.goto(`/products/${product.id}/subscriptions/new`);
      await page.getByLabel('Name', { exact: true }).first().fill('Big orders');
      await page.getByLabel('Topic', { exact: true }).first().fill('big/{+id}');
      await page.getByRole('button', { name: 'Add a condition' }).click();
      await page.getByRole('textbox', { name: 'Condition' }).click();
      await page.keyboard.type('payload.value > 40');
      await said(/true/);
      await page.getByRole('button', { name: 'Add an action' }).click();
      await page.getByRole('menuitem', { name: /webhook/i }).click();
      await page.getByRole('textbox', { name: /URL/i }).click();
      await page.keyboard.type(`${receiver.url}/orders`);
      await page.getByRole('button', { name: 'Dry run', exact: true }).click();
      await said('would run');
      expect(receiver.count()).toBe(0);
      await page.getByRole('button', { name: /^(Save|Create)/ }).click();
      await said(/“Big orders” is created/);
      await product.untilSettled();
      await publisher.publish('mine/eu/big/7', '{"value": 1}');
      await publisher.publish('mine/eu/big/8', '{"value": 42}');
      const [request] = await receiver.waitForRequests(1, { timeout_ms: 60_000 });
      expect(request?.json()).toMatchObject({ topic: 'mine/eu/big/8', params: { id: '8' }, payload: { value: 42 } });
    },
    STEPS_MS,
  );

  it(
    'shows a new token once, and never puts it into the storage of the browser',
    async () => {
      await page.goto('/account');
      await page
        .getByRole('button', { name: /new token|create token/i })
        .first()
        .click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('What is it for?').fill('nightly export');
      await dialog.getByRole('button', { name: 'New token' }).click();
      const shown = await dialog.locator('code').first().textContent();
      expect(shown).toMatch(/\S{20,}/);
      await page.goto('/account');
      await said('nightly export');
      expect(await page.content()).not.toContain(shown);
      expect(await page.evaluate('JSON.stringify([localStorage, sessionStorage])')).not.toContain(shown);
    },
    STEPS_MS,
  );

  const pages = () => [
    '/products',
    '/products/new',
    `/products/${product.id}`,
    configPage(),
    `/products/${product.id}/subscriptions/new`,
    `/products/${product.id}/deliveries`,
    `/products/${product.id}/secrets`,
    `/products/${product.id}/listeners`,
    `/products/${product.id}/audit-log`,
    `/products/${product.id}/settings`,
    '/audit-log',
    '/users',
    '/account',
    '/about',
  ];

  it.each(['light', 'dark'] as const)(
    'has no serious accessibility fault and nothing to scroll sideways at 360 px, on any page (%s)',
    async (scheme) => {
      const found: Record<string, string[]> = {};
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width: scheme === 'light' ? 360 : 1280, height: 900 });
      for (const path of pages()) {
        await page.goto(path);
        await page.getByRole('heading', { level: 1 }).first().waitFor();
        await page.waitForLoadState('load');
        const wide = await overflow(page);
        const faults = [...(await seriousFaults(page)), ...(wide > 0 ? [`${wide} px too wide`] : [])];
        if (faults.length > 0) found[path] = faults;
      }
      await page.setViewportSize({ width: 1280, height: 900 });
      expect(found).toEqual({});
    },
    STEPS_MS,
  );

  it(
    'lets a viewer look, and nothing else',
    async () => {
      const viewer = await openConsole({ browser, url: stack.orchestrator_url });
      await signInAt(viewer.page, VIEWER, configPage());
      const prefix = viewer.page.getByLabel('Prefix', { exact: true });
      await prefix.waitFor();
      expect(await prefix.isEditable()).toBe(false);
      for (const name of ['Test connection', 'Reconnect', 'New subscription']) {
        expect(await viewer.page.getByRole('button', { name }).count()).toBe(0);
      }
      expect(viewer.faults).toEqual([]);
      await viewer.close();
    },
    STEPS_MS,
  );

  it(
    'finds and opens a page with the keyboard alone',
    async () => {
      await page.goto('/products');
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.keyboard.press('Control+k');
      await page
        .getByRole('textbox', { name: /search|find|go to/i })
        .last()
        .waitFor();
      await page.keyboard.type('Orders 1: MQTT');
      const option = page.getByRole('dialog').getByRole('button', { name: 'Orders 1: MQTT configuration' });
      await option.and(page.locator('[data-selected]')).waitFor();
      await page.keyboard.press('Enter');
      await page.waitForURL(`**${configPage()}`);
    },
    STEPS_MS,
  );

  it(
    'signs out',
    async () => {
      await page.getByRole('button', { name: 'Your account' }).click();
      await page.getByRole('menuitem', { name: 'Sign out' }).click();
      await page.waitForURL('**/sign-in');
    },
    STEPS_MS,
  );

  it('has broken no rule of the Content-Security-Policy, and thrown nothing', () => {
    expect(admin.faults).toEqual([]);
  });
});
