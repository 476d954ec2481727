/**
 * Channel of LISTEN/NOTIFY for what orchestrators remember of a product's configuration: its revision rose, a listener token of
 * it was revoked, or it was deleted. The payload is the product's id.
 */
export const CONFIGURATION_CHANNEL = 'mqtt_configuration';

/** Part of a transaction: the others hear it only once the change is committed. */
export async function notifyConfigurationChange(
  manager: { query(sql: string, parameters: unknown[]): Promise<unknown> },
  product_id: number,
): Promise<void> {
  await manager.query('SELECT pg_notify($1, $2)', [CONFIGURATION_CHANNEL, String(product_id)]);
}
