declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/** Identity of a product, a positive 32-bit integer. */
export type ProductId = Branded<number, 'ProductId'>;
/** Identity of a subscription, a positive 32-bit integer; also its MQTT 5 Subscription Identifier (MQTT 5, 3.8.2.1.2). */
export type SubscriptionId = Branded<number, 'SubscriptionId'>;
/** Identity of one running listener process: stable across its restarts, 1–64 of `A-Za-z0-9_-`. */
export type InstanceId = Branded<string, 'InstanceId'>;

export const asProductId = (value: number): ProductId => value as ProductId;
export const asSubscriptionId = (value: number): SubscriptionId => value as SubscriptionId;
export const asInstanceId = (value: string): InstanceId => value as InstanceId;
