/** Keys of the query cache, so that a write can name what it made stale. */
export const keys = {
  me: ['me'] as const,
  products: ['products'] as const,
  /** Below the products: what makes them stale makes it stale. */
  overview: ['products', 'overview'] as const,
  product: (id: number) => ['products', id] as const,
  /** The product with the tag of its version, to be edited. */
  productVersion: (id: number) => ['products', id, 'version'] as const,
  mqttConfig: (id: number) => ['products', id, 'mqtt-config'] as const,
  status: (id: number) => ['products', id, 'status'] as const,
  subscription: (id: number, subscriptionId: number) => ['products', id, 'subscriptions', subscriptionId] as const,
  subscriptionSearch: (search: string) => ['subscription-search', search] as const,
  events: (id: number) => ['products', id, 'events'] as const,
  brokers: (id: number) => ['products', id, 'brokers'] as const,
  metrics: (id: number, window: object) => ['products', id, 'metrics', window] as const,
  uptime: (id: number) => ['products', id, 'uptime'] as const,
  secrets: (id: number) => ['products', id, 'secrets'] as const,
  deliveries: (id: number) => ['products', id, 'deliveries'] as const,
  deliveryCounts: (id: number) => ['products', id, 'deliveries', 'counts'] as const,
  listeners: (id: number) => ['products', id, 'listeners'] as const,
  actionTypes: ['action-types'] as const,
  audit: (filter: object) => ['audit', filter] as const,
  users: ['users'] as const,
  apiTokens: ['api-tokens'] as const,
  sessions: ['sessions'] as const,
  system: ['system'] as const,
};
