import { waitFor } from '@cortex-mqtt/testing';
import { Client } from 'pg';
import type { Page } from 'playwright-core';
import { type ConsoleWorld, region, STEPS_MS, startConsoleWorld } from './console-world';

const MANY = 10_000;
/** Rows that may be in the page at once: those in sight, and some around them. */
const MOST_ROWS = 60;

describe('ten thousand subscriptions in the console', () => {
  let world: ConsoleWorld;
  let page: Page;

  beforeAll(async () => {
    world = await startConsoleWorld({ listener: false, product: { subscriptions: [] } });
    ({ page } = world);
    // Ten thousand calls of the API would take minutes, and are not what is tested here.
    const database = new Client({ connectionString: world.stack.database_url });
    await database.connect();
    await database.query(
      `INSERT INTO mqtt_subscriptions (mqtt_config_id, name, topic)
       SELECT c.id, 'Sensor ' || n, 'sensors/' || n FROM mqtt_configs c, generate_series(1, $2::int) n WHERE c.product_id = $1`,
      [world.product.id, MANY],
    );
    await database.end();
  }, STEPS_MS);
  afterAll(() => world?.stop(), STEPS_MS);

  const list = () => page.getByRole('list', { name: 'Subscriptions' });
  const rows = () => list().getByRole('listitem').count();
  /** Place of the last row that is in the page. */
  const lastPlace = async () => Number(await list().getByRole('listitem').last().getAttribute('aria-posinset'));

  it(
    'keeps only the rows in sight in the page, from the first to the last',
    async () => {
      await page.goto(`${world.config_page}#subscriptions`);
      await world.said('10,000 subscriptions');
      await list().getByText('Sensor 1', { exact: true }).waitFor();
      expect(await rows()).toBeLessThan(MOST_ROWS);
      const most: number[] = [];
      for (const part of [0.25, 0.5, 0.75, 1]) {
        await list().evaluate(
          (element, to) => element.parentElement?.scrollTo({ top: element.parentElement.scrollHeight * to }),
          part,
        );
        await waitFor(async () => (await lastPlace()) >= MANY * part - 1, {
          timeout_ms: 60_000,
          message: () => `the list to be scrolled to ${part * 100} %`,
        });
        most.push(await rows());
      }
      await list().getByText(`Sensor ${MANY}`, { exact: true }).waitFor();
      expect(Math.max(...most)).toBeLessThan(MOST_ROWS);
    },
    STEPS_MS,
  );

  it(
    'finds one among them, and sorts them',
    async () => {
      await region(page, 'Subscriptions').getByLabel('Search name, topic or action').fill('sensors/7777');
      await list().getByText('Sensor 7777', { exact: true }).waitFor();
      expect(await rows()).toBe(1);
      await region(page, 'Subscriptions').getByLabel('Search name, topic or action').fill('');
      await region(page, 'Subscriptions').getByLabel('Sort by').selectOption('messages');
      await list().getByText('Sensor 1', { exact: true }).waitFor();
      expect(world.admin.faults).toEqual([]);
    },
    STEPS_MS,
  );

  it(
    'switches one of them off',
    async () => {
      await list().getByRole('switch', { name: 'Subscription Sensor 1', exact: true }).click({ force: true });
      await world.said('“Sensor 1” is switched off');
    },
    STEPS_MS,
  );
});
