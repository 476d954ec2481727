import type { SecretPlace } from '../secrets/secret-box';

/** Place of the request of a configuration plan; of no product, it may be about many. */
export const configurationPlanPlace = (plan_id: string): SecretPlace => ({
  product_id: 0,
  table: 'configuration_plans',
  column: `request:${plan_id}`,
});
