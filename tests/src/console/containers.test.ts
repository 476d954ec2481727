import { Client } from 'pg';
import { seriousFaults } from './browser';
import { type ConsoleWorld, region, STEPS_MS, startConsoleWorld } from './console-world';

describe('what keeps a product, in the console', () => {
  let world: ConsoleWorld;

  beforeAll(async () => {
    world = await startConsoleWorld({ listener: false });
  }, STEPS_MS);
  afterAll(() => world?.stop(), STEPS_MS);

  it(
    'shows containers with their state, why they ended, and their last lines',
    async () => {
      const { page, product, stack } = world;
      const container = {
        ...{
          name: 'cortex-default-listener-1',
          instance_id: 'orders-1',
          runtime: 'docker',
          image: 'cortex-mqtt/listener',
        },
        ...{ state: 'out_of_memory', since: '2026-01-01T00:00:00.000Z', reason: 'out of memory (exit code 137)' },
        ...{ exit_code: 137, restarts: 3, last_lines: ['a first line', 'the very last line'] },
      };
      const client = new Client({ connectionString: stack.database_url });
      await client.connect();
      await client.query('INSERT INTO listener_containers (product_id, containers) VALUES ($1, $2)', [
        product.id,
        JSON.stringify([container]),
      ]);
      await client.end();
      await page.goto(`/products/${product.id}/listeners`);
      const panel = region(page, 'Containers');
      await panel.getByText('out of memory', { exact: true }).waitFor();
      await panel.getByText('3 restarts').waitFor();
      await panel.getByRole('button', { name: /Last lines/ }).click();
      await panel.getByText('the very last line').waitFor();
      expect(await seriousFaults(page)).toEqual([]);
    },
    STEPS_MS,
  );

  it(
    'says what manages a product, and sets its listeners',
    async () => {
      const { page, product, stack } = world;
      const document = { version: 1, slug: product.slug, name: 'Orders', managed_by: { name: 'platform-git' } };
      const apply = async (documents: object[]) => {
        const { plan_id } = await stack.rest.call<{ plan_id: string }>('POST', '/config/plan', { documents });
        await stack.rest.call('POST', '/config/apply', { plan_id, wait_s: 0 });
      };
      await apply([document]);
      await page.goto(`/products/${product.id}/settings`);
      await page.getByText('Managed by platform-git', { exact: true }).waitFor();
      await page.getByRole('textbox', { name: 'Listeners' }).fill('3');
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await world.said('The product is saved');
      expect((await stack.rest.call<{ replicas: number }>('GET', `/products/${product.id}`)).replicas).toBe(3);
      expect(world.admin.faults).toEqual([]);
    },
    STEPS_MS,
  );
});
