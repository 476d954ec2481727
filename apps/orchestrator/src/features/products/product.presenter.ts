import type { ProductHealthView } from '../../model/product-health';
import type { ProductView } from './product.dto';
import type { ProductEntity } from '../../model/product.entity';

/** What of a product is stored; the audit log has this. */
export function presentProduct(product: ProductEntity): Omit<ProductView, keyof ProductHealthView> {
  return {
    id: product.id,
    name: product.name,
    slug: product.slug,
    description: product.description,
    enabled: product.enabled,
    replicas: product.replicas,
    allowed_queues: product.allowed_queues,
    variables: product.variables,
    managed_by: product.managed_by,
    managed_console: product.managed_console,
    created_at: product.created_at.toISOString(),
    updated_at: product.updated_at.toISOString(),
  };
}
