import type { Page } from 'playwright-core';
import { openConsole, overflow, seriousFaults, signInAt } from './browser';
import { BROKER_USER, type ConsoleWorld, STEPS_MS, startConsoleWorld } from './console-world';

const VIEWER = {
  email: 'vera@example.com',
  password: 'looking-is-enough',
  role: 'viewer' as const,
  all_products: true,
};

/** One that is away: what a real one answers is tested at the API. */
const PROVIDERS = {
  PUBLIC_URL: 'http://localhost',
  OIDC_PROVIDERS: JSON.stringify([
    {
      id: 'corp',
      name: 'Example Corp',
      issuer: 'http://127.0.0.1:9',
      client_id: 'cortex',
      grants: [{ group: '*', role: 'viewer' }],
    },
  ]),
};

/** Everything that the browser keeps for the page: storage, databases, and cookies that scripts can read. */
const EVERYTHING_KEPT = `(async () => {
  const databases = await indexedDB.databases();
  const caches_kept = 'caches' in window ? await caches.keys() : [];
  return JSON.stringify([{ ...localStorage }, { ...sessionStorage }, databases, caches_kept, document.cookie, history.state]);
})()`;

describe('people in the console', () => {
  let world: ConsoleWorld;
  let page: Page;

  beforeAll(async () => {
    world = await startConsoleWorld({ listener: false, env: PROVIDERS });
    ({ page } = world);
    await world.addUser(VIEWER);
  }, STEPS_MS);
  afterAll(() => world?.stop(), STEPS_MS);

  it(
    'are refused with a wrong password, sign in, and go on to the page that was asked for',
    async () => {
      const visit = await openConsole({ browser: world.browser, url: world.stack.orchestrator_url });
      const asked = `/products/${world.product.id}/deliveries?state=retrying`;
      await signInAt(visit.page, { ...world.stack.admin, password: 'not this one' }, asked);
      await visit.page.getByRole('alert').waitFor();
      await visit.page.getByRole('textbox', { name: 'Password' }).fill(world.stack.admin.password);
      await visit.page.getByRole('button', { name: 'Sign in' }).click();
      await visit.page.waitForURL(`**${asked}`);
      await visit.page.getByText('Nothing is being retried').waitFor();
      await visit.close();
    },
    STEPS_MS,
  );

  it(
    'are sent to their provider, and told why it did not work',
    async () => {
      for (const scheme of ['light', 'dark'] as const) {
        const visit = await openConsole({
          browser: world.browser,
          url: world.stack.orchestrator_url,
          width: scheme === 'dark' ? 390 : 1280,
          scheme,
        });
        await visit.page.goto('/products');
        await visit.page.getByRole('link', { name: 'Sign in with Example Corp' }).click();
        await visit.page.waitForURL('**/sign-in?refused=unavailable');
        await visit.page.getByText('The provider is not reachable at the moment').waitFor();
        await visit.page.getByRole('textbox', { name: 'Password' }).waitFor();
        expect(await seriousFaults(visit.page)).toEqual([]);
        expect(await overflow(visit.page)).toBeLessThanOrEqual(0);
        expect(visit.faults).toEqual([]);
        await visit.close();
      }
    },
    STEPS_MS,
  );

  it(
    'may look as viewers, and nothing else',
    async () => {
      const { page: viewer, faults } = await world.visit(VIEWER, world.config_page);
      const prefix = viewer.getByLabel('Prefix', { exact: true });
      await prefix.waitFor();
      expect(await prefix.isEditable()).toBe(false);
      await viewer.getByText('Your role is viewer: you can view products but not change them.').first().waitFor();
      for (const name of ['Test connection', 'Reconnect', 'New subscription', 'Add a broker', 'Review and save']) {
        expect(await viewer.getByRole('button', { name }).count()).toBe(0);
      }
      expect(await viewer.getByRole('switch', { name: 'Subscription Order placed' }).isEnabled()).toBe(false);
      await viewer.goto('/users');
      await viewer.getByText('This page is for administrators').last().waitFor();
      expect(faults).toEqual([]);
    },
    STEPS_MS,
  );

  it(
    'come by an invitation, choose a password, and see the products that were granted',
    async () => {
      await world.stack.rest.call('POST', '/products', { name: 'Hidden' });
      await page.goto('/users');
      await page.getByRole('button', { name: 'New user' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Email').fill('ina@example.com');
      await dialog.getByRole('combobox', { name: 'Products' }).fill('Orders');
      await page
        .getByRole('option', { name: /^Orders/ })
        .first()
        .click();
      await dialog.getByRole('button', { name: 'Save' }).click();
      const link = (await dialog.locator('code').first().textContent()) ?? '';
      await dialog.getByRole('button', { name: 'Close' }).last().click();
      await world.said('invited');

      const visit = await openConsole({ browser: world.browser, url: world.stack.orchestrator_url });
      const { pathname, hash } = new URL(link);
      await visit.page.goto(pathname + hash);
      await visit.page.getByText('You were invited as ina@example.com').waitFor();
      await visit.page.getByRole('textbox', { name: 'Your name' }).fill('Ina');
      await visit.page.getByLabel('Password', { exact: true }).fill('password1234');
      await visit.page.getByRole('button', { name: 'Sign in' }).click();
      await visit.page.getByText(/among the first that are tried/).waitFor();
      await visit.page.getByLabel('Password', { exact: true }).fill('looking-is-enough');
      await visit.page.getByRole('button', { name: 'Sign in' }).click();
      await visit.page.waitForURL('**/products**');
      await visit.page.getByText('Orders').first().waitFor();
      expect(await visit.page.getByText('Hidden').count()).toBe(0);
      await visit.page.goto('/account');
      await visit.page.getByText('this one').waitFor();
      await visit.close();
    },
    STEPS_MS,
  );

  it(
    'leave no typed secret and no token in what the browser keeps',
    async () => {
      const typed = 'typed-into-the-form';
      await page.goto(world.config_page);
      await page.getByRole('button', { name: 'Replace' }).first().click();
      await page.getByLabel('Password', { exact: true }).fill(typed);
      await page.getByRole('button', { name: 'Review and save' }).click();
      const dialog = page.getByRole('dialog', { name: 'What this changes' });
      expect(await dialog.textContent()).not.toContain(typed);
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      expect(await page.evaluate(EVERYTHING_KEPT)).not.toContain(typed);
      await page.getByRole('button', { name: 'Discard' }).click();

      await page.goto('/account');
      await page.getByRole('button', { name: 'New token' }).first().click();
      const tokens = page.getByRole('dialog');
      await tokens.getByLabel('What is it for?').fill('nightly export');
      await tokens.getByRole('button', { name: 'New token' }).click();
      const token = await tokens.locator('code').first().textContent();
      expect(token).toMatch(/\S{20,}/);
      const kept = (await page.evaluate(EVERYTHING_KEPT)) as string;
      for (const secret of [token ?? '', typed, world.stack.admin.password, BROKER_USER.password]) {
        expect(kept).not.toContain(secret);
      }
      await page.goto('/account');
      await world.said('nightly export');
      expect(await page.content()).not.toContain(token);
    },
    STEPS_MS,
  );

  it(
    'find products, pages and subscriptions with Ctrl+K',
    async () => {
      await page.goto('/products');
      const palette = page.getByRole('dialog');
      const look = async (words: string, found: string | RegExp) => {
        await page.getByRole('heading', { level: 1 }).first().waitFor();
        await page.keyboard.press('Control+k');
        await palette.getByRole('textbox').and(page.locator(':focus')).waitFor();
        await page.keyboard.type(words);
        await palette.getByRole('button', { name: found }).and(page.locator('[data-selected]')).waitFor();
        await page.keyboard.press('Enter');
      };
      await look('Orders 1: MQTT', 'Orders 1: MQTT configuration');
      await page.waitForURL(`**${world.config_page}`);
      await look('placed', /Order placed/);
      await page.waitForURL('**/subscriptions/*');
      await look('About', 'About this system');
      await page.waitForURL('**/about');
    },
    STEPS_MS,
  );

  it(
    'fill in and save forms with the keyboard alone',
    async () => {
      await page.goto(world.config_page);
      const prefix = page.getByLabel('Prefix', { exact: true });
      await prefix.waitFor();
      await tabTo(page, 'topics.prefix');
      await page.keyboard.press('Control+a');
      await page.keyboard.type('typed');
      await tabTo(page, (element) => element === 'Review and save');
      await page.keyboard.press('Enter');
      await page.getByRole('dialog', { name: 'What this changes' }).waitFor();
      // The button that saves has the focus.
      await tabTo(page, (element) => element === 'Save');
      await page.keyboard.press('Enter');
      await world.said(/Saved as revision/);
      const stored = await world.stack.rest.call<{ mqtt_config: { topics: { prefix: string } } }>(
        'GET',
        world.product.path,
      );
      expect(stored.mqtt_config.topics.prefix).toBe('typed');
    },
    STEPS_MS,
  );

  it(
    'are told what a deletion destroys, and have to type its name',
    async () => {
      const doomed = await world.stack.newProduct({
        name: 'Doomed',
        broker: { host: '127.0.0.1', port: world.mosquitto.port },
        subscriptions: [{ name: 'Last words', topic: 'last/#' }],
      });
      await page.goto(`/products/${doomed.id}/settings`);
      await page.getByRole('button', { name: 'Delete product' }).click();
      const dialog = page.getByRole('dialog', { name: 'Delete product' });
      await dialog.getByText('1 subscription: “Last words”').waitFor();
      await dialog.getByText(/the connection to 127\.0\.0\.1/).waitFor();
      const confirm = dialog.getByRole('button', { name: 'Delete product' });
      expect(await confirm.isEnabled()).toBe(false);
      await dialog
        .getByRole('textbox')
        .fill((await page.getByLabel('Name', { exact: true }).first().inputValue()) || '');
      await confirm.click();
      await page.waitForURL('**/products');
      expect((await world.stack.rest.ask('GET', `/products/${doomed.id}`)).status).toBe(404);
    },
    STEPS_MS,
  );

  it(
    'sign out, and are asked to sign in when their session has ended',
    async () => {
      await page.goto('/products');
      await page.getByRole('button', { name: 'Your account' }).click();
      await page.getByRole('menuitem', { name: 'Sign out' }).click();
      await page.waitForURL('**/sign-in');
      await page.goto(`/products/${world.product.id}/secrets`);
      await page.waitForURL('**/sign-in');
      expect(world.admin.faults).toEqual([]);
    },
    STEPS_MS,
  );
});

/** Presses Tab until the element with this name, or text, has the focus. */
async function tabTo(page: Page, wanted: string | ((text: string) => boolean)): Promise<void> {
  for (let presses = 0; presses < 150; presses += 1) {
    const focused = (await page.evaluate(
      '[document.activeElement.getAttribute("name") ?? "", document.activeElement.textContent ?? ""]',
    )) as [name: string, text: string];
    if (typeof wanted === 'string' ? focused[0] === wanted : wanted(focused[1])) return;
    await page.keyboard.press('Tab');
  }
  throw new Error('the keyboard does not get there');
}
