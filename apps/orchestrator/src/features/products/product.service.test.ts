import { buildTestApp } from '../../testing/build-test-app';
import type { UpdateProductDto } from './product.dto';
import { ProductService, slugOf } from './product.service';

it('looks through the topics of all subscriptions only when slug or variables change', async () => {
  const app = await buildTestApp();
  try {
    const checkTopics = jest.fn().mockResolvedValue([]);
    const products = new ProductService({
      dataSource: app.dataSource,
      readHealth: async (ids) => new Map(ids.map((id) => [id, { health: 'healthy', health_reasons: [] }])),
      notifier: app.features.notifier,
      checkTopics,
      onProductsChanged: () => undefined,
    });
    const { id, slug } = await app.product({ variables: { region: 'north' } });
    const update = (dto: UpdateProductDto) =>
      products.update(id, dto, {
        actor: { kind: 'system', id: null, name: 'test', ip: null, request_id: null },
        expected_revision: undefined,
      });
    await update({ name: 'Another name', enabled: false });
    await update({ slug, variables: { region: 'north' } });
    expect(checkTopics).not.toHaveBeenCalled();
    await update({ variables: { region: 'south' } });
    await update({ slug: `${slug}-2` });
    expect(checkTopics).toHaveBeenCalledTimes(2);
  } finally {
    await app.close();
  }
});

it.each([
  ['Order Desk (EU)', 'order-desk-eu'],
  ['Überwachung', 'uberwachung'],
  ['東京工場', 'dong-jing-gong-chang'],
  ['Завод №7', 'zavod-no7'],
  ['🏭', 'product'],
  ['x'.repeat(200), 'x'.repeat(63)],
])('makes a slug of the name %s', (name, slug) => {
  expect(slugOf(name)).toBe(slug);
});
