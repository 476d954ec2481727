import { type HttpReceiver, type Mosquitto, startHttpReceiver, startMosquitto } from '@cortex-mqtt/testing';
import type { Browser, Page } from 'playwright-core';
import { type Publisher, startPublisher } from '../harness/publisher';
import { type Stack, startStack } from '../harness/stack';
import { launchBrowser, openConsole, overflow, seriousFaults, signInAt, type Visit } from './browser';

const STEPS_MS = 120_000;
/** Listeners are started by the server, brokers answer: things take their time on a busy machine. */
const LIVE_MS = 60_000;

describe('the first run, from signing in to the first message', () => {
  let stack: Stack;
  let mosquitto: Mosquitto;
  let receiver: HttpReceiver;
  let publisher: Publisher;
  let browser: Browser;
  let visit: Visit;
  let page: Page;

  beforeAll(async () => {
    [stack, mosquitto, receiver, browser] = await Promise.all([
      startStack({ queue: 'postgres', env: { LISTENER_RUNTIME: 'process' } }),
      startMosquitto({ users: { shop: 'right-password' } }),
      startHttpReceiver(),
      launchBrowser(),
    ]);
    publisher = await startPublisher(mosquitto.url, { username: 'shop', password: 'right-password' });
  }, STEPS_MS);

  afterAll(async () => {
    await visit?.close();
    await browser?.close();
    await publisher?.end();
    await receiver?.stop();
    await stack?.stop();
    await mosquitto?.stop();
  }, STEPS_MS);

  const atStep = (title: string) => page.getByRole('heading', { level: 2, name: title }).waitFor();
  const next = (name: string) => page.getByRole('button', { name, exact: true }).click();
  const setup = (step: string) => `**/products/*/setup/${step}`;

  it(
    'begins with an empty list that leads to a name',
    async () => {
      visit = await openConsole({ browser, url: stack.orchestrator_url });
      page = visit.page;
      const refused: string[] = [];
      page.on('response', (response) => response.status() >= 400 && refused.push(response.url()));
      await page.goto('/');
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      // Who has never been here was not signed out, and nothing was asked that the server had to refuse.
      expect(await page.getByText('signed out').count()).toBe(0);
      expect(refused).toEqual([]);
      await signInAt(page, stack.admin);
      await page.getByText('No products yet').waitFor();
      await page.getByRole('link', { name: 'New product' }).first().click();
      await atStep('What is the product called?');
      expect(await seriousFaults(page)).toEqual([]);
      // What is wrong is told at the field, and the cursor is there.
      await next('Create the product');
      await page.getByText('Give it a name.').waitFor();
      await page.keyboard.type('夜店 Übersee');
      await page.keyboard.press('Enter');
      await page.waitForURL(setup('broker'));
    },
    STEPS_MS,
  );

  it(
    'keeps what was typed over a reload, the password excepted',
    async () => {
      await atStep('Where do its messages come from?');
      await next('Save and test');
      await page.getByText('Give the name or address of the broker').waitFor();
      await page.getByLabel('Host', { exact: true }).fill(`mqtt://127.0.0.1:${mosquitto.port}`);
      await page.getByLabel('User name').fill('shop');
      await page.reload();
      await atStep('Where do its messages come from?');
      expect(await page.getByLabel('Host', { exact: true }).inputValue()).toBe('127.0.0.1');
      expect(await page.getByLabel('Port', { exact: true }).inputValue()).toBe(String(mosquitto.port));
      expect(await page.getByLabel('User name').inputValue()).toBe('shop');
      await page.getByLabel('Password', { exact: true }).fill('wrong-password');
      expect(await page.evaluate('JSON.stringify([localStorage, sessionStorage])')).not.toContain('wrong-password');
      expect(await seriousFaults(page)).toEqual([]);
      await next('Save and test');
    },
    STEPS_MS,
  );

  it(
    'tests the connection at once, says what is wrong, and leads back to mend it',
    async () => {
      await atStep('Does the connection work?');
      const report = page.getByRole('region', { name: 'Connection test' });
      await report.getByText('The connection does not work').waitFor({ timeout: LIVE_MS });
      await report
        .getByText(/password|not authori[sz]ed/i)
        .first()
        .waitFor();
      expect(await seriousFaults(page)).toEqual([]);
      await page.getByRole('link', { name: 'Change the broker settings' }).click();
      await page.getByRole('button', { name: 'Replace' }).first().click();
      await page.getByLabel('Password', { exact: true }).fill('right-password');
      await next('Save and test');
      await report.getByText('The connection works').waitFor({ timeout: LIVE_MS });
      await report.getByText('MQTT login').waitFor();
      await next('Next');
    },
    STEPS_MS,
  );

  it(
    'shows the real filter while the topics are typed',
    async () => {
      await atStep('What do its topics have in common?');
      await page.getByLabel('Prefix', { exact: true }).fill('shop/night');
      await page.getByText('shop/night/own/topic').waitFor();
      expect(await seriousFaults(page)).toEqual([]);
      await next('Next');
    },
    STEPS_MS,
  );

  it(
    'offers a first subscription that needs nothing, and takes a webhook instead',
    async () => {
      await atStep('What should happen with a message?');
      expect(await page.getByRole('radio', { name: /log/i }).isChecked()).toBe(true);
      await page.getByText('shop/night/#').waitFor();
      await page.getByLabel('Topic', { exact: true }).fill('orders/{+id}');
      await page.getByText('shop/night/orders/+').waitFor();
      await page.getByRole('radio', { name: /webhook/i }).click();
      await page.getByRole('textbox', { name: /URL/i }).fill(`${receiver.url}/orders`);
      expect(await seriousFaults(page)).toEqual([]);
      await page.reload();
      await atStep('What should happen with a message?');
      expect(await page.getByRole('textbox', { name: /URL/i }).inputValue()).toBe(`${receiver.url}/orders`);
      await next('Create the subscription');
    },
    STEPS_MS,
  );

  it(
    'waits until a listener runs, is connected and subscribed; and has the commands to run one elsewhere',
    async () => {
      await atStep('Who listens?');
      await page.getByText('ye-dian-ubersee-1 has started').waitFor({ timeout: LIVE_MS });
      await page.getByText('It is connected to the broker').waitFor({ timeout: LIVE_MS });
      await page.getByText('1 subscription is active').waitFor({ timeout: LIVE_MS });
      expect(await seriousFaults(page)).toEqual([]);
      await page.getByRole('button', { name: 'Start one elsewhere instead' }).click();
      await page.getByRole('button', { name: 'Make a token and the commands' }).click();
      const command = await page.locator('pre').filter({ hasText: 'LISTENER_TOKEN' }).first().textContent();
      expect(command).toMatch(/LISTENER_TOKEN=cml_\S{20,}/);
      expect(await page.evaluate('JSON.stringify([localStorage, sessionStorage])')).not.toContain('cml_');
      await next('Next');
    },
    STEPS_MS,
  );

  it(
    'goes on where it was left, and back to every step',
    async () => {
      await atStep('See the first message');
      await page.getByRole('link', { name: 'Finish later' }).click();
      await page.getByRole('link', { name: 'Continue the setup' }).click();
      await page.waitForURL(setup('message'));
      await page.getByRole('link', { name: /^Topics/ }).click();
      await atStep('What do its topics have in common?');
      expect(await page.getByLabel('Prefix', { exact: true }).inputValue()).toBe('shop/night');
      await page.goBack();
      await atStep('See the first message');
    },
    STEPS_MS,
  );

  it(
    'ends with a message seen, and what came of it',
    async () => {
      await page.getByText('Waiting for a message').waitFor();
      expect(await page.getByLabel('Topic', { exact: true }).inputValue()).toBe('shop/night/orders/id-1');
      expect(await seriousFaults(page)).toEqual([]);
      await page.getByRole('button', { name: 'Publish a test message' }).click();
      await page.getByText('The first message has arrived').waitFor({ timeout: LIVE_MS });
      await page.getByText('shop/night/orders/id-1').first().waitFor();
      await page.getByText('1 action ran').waitFor({ timeout: LIVE_MS });
      const [request] = await receiver.waitForRequests(1, { timeout_ms: LIVE_MS });
      expect(request?.json()).toMatchObject({ topic: 'shop/night/orders/id-1', params: { id: 'id-1' } });
      expect(await seriousFaults(page)).toEqual([]);
      await next('Open the product');
      await page.waitForURL('**/products/*');
      await page.getByText('Connected', { exact: true }).first().waitFor();
      expect(await page.getByRole('link', { name: 'Continue the setup' }).count()).toBe(0);
    },
    STEPS_MS,
  );

  it(
    'fits on a phone in the dark, every step of it, and a message from a device arrives there too',
    async () => {
      const { id } = await stack.rest.call<{ id: number }>('POST', '/products', { name: 'Day shop' });
      const phone = await openConsole({ browser, url: stack.orchestrator_url, width: 360, scheme: 'dark' });
      await signInAt(phone.page, stack.admin, `/products/${id}/setup`);
      await phone.page.waitForURL(setup('broker'));
      await stack.rest.call('PUT', `/products/${id}/mqtt-config`, {
        broker: { host: '127.0.0.1', port: mosquitto.port, username: 'shop', password: 'right-password' },
        topics: { prefix: 'shop/day' },
      });
      const found: Record<string, string[]> = {};
      const look = async (step: string) => {
        await phone.page.goto(`/products/${id}/setup/${step}`);
        await phone.page.getByRole('heading', { level: 2 }).waitFor();
        const wide = await overflow(phone.page);
        const faults = [...(await seriousFaults(phone.page)), ...(wide > 0 ? [`${wide} px too wide`] : [])];
        if (faults.length > 0) found[step] = faults;
      };
      for (const step of ['name', 'broker', 'test', 'topics', 'subscription']) await look(step);
      await phone.page.getByRole('button', { name: 'Create the subscription' }).click();
      await phone.page.getByText('1 subscription is active').waitFor({ timeout: LIVE_MS });
      for (const step of ['listener', 'message']) await look(step);
      await publisher.publish('shop/day/anything', 'not even JSON');
      await phone.page.getByText('not even JSON').waitFor({ timeout: LIVE_MS });
      expect(found).toEqual({});
      expect([...phone.faults, ...visit.faults]).toEqual([]);
      await phone.close();
    },
    STEPS_MS,
  );
});
