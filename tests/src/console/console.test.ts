import { type HttpReceiver, type Mosquitto, startHttpReceiver, startMosquitto } from '@cortex-mqtt/testing';
import type { Browser, Page } from 'playwright-core';
import type { TestProduct } from '../harness/product';
import { type Publisher, startPublisher } from '../harness/publisher';
import { type Stack, startStack } from '../harness/stack';
import { launchBrowser, openConsole, overflow, seriousFaults, signInAt, type Visit } from './browser';

const STEPS_MS = 120_000;

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
    'signs in',
    async () => {
      await signInAt(page, stack.admin);
      await page.waitForURL('**/products');
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
      await publisher.publish('shop/big/7', '{"value": 1}');
      await publisher.publish('shop/big/8', '{"value": 42}');
      const [request] = await receiver.waitForRequests(1, { timeout_ms: 60_000 });
      expect(request?.json()).toMatchObject({ topic: 'shop/big/8', params: { id: '8' }, payload: { value: 42 } });
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

  it('has broken no rule of the Content-Security-Policy, and thrown nothing', () => {
    expect(admin.faults).toEqual([]);
  });
});
