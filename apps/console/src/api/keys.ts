/** Keys of the query cache, so that a write can name what it made stale. */
export const keys = {
  me: ['me'] as const,
  products: ['products'] as const,
  product: (id: number) => ['products', id] as const,
  mqttConfig: (id: number) => ['products', id, 'mqtt-config'] as const,
  status: (id: number) => ['products', id, 'status'] as const,
  subscriptions: (id: number) => ['products', id, 'subscriptions'] as const,
  subscription: (id: number, subscriptionId: number) => ['products', id, 'subscriptions', subscriptionId] as const,
  events: (id: number) => ['products', id, 'events'] as const,
  secrets: (id: number) => ['products', id, 'secrets'] as const,
  deliveries: (id: number, filter: object) => ['products', id, 'deliveries', filter] as const,
  listeners: (id: number) => ['products', id, 'listeners'] as const,
  actionTypes: ['action-types'] as const,
  audit: (filter: object) => ['audit', filter] as const,
  users: ['users'] as const,
  apiTokens: ['api-tokens'] as const,
  system: ['system'] as const,
};
