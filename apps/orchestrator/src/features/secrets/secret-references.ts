import type { SubscriptionEntity } from '../subscriptions/subscription.entity';

type Referring = Pick<SubscriptionEntity, 'actions' | 'filter' | 'message_key' | 'ordering'>;

/** Names of the product secrets that a subscription uses: in `{{secrets.NAME}}` and in fields that name a secret. */
export function secretNamesIn(subscription: Referring): Set<string> {
  const names = new Set<string>();
  const visit = (value: unknown, key: string): void => {
    if (typeof value === 'string') {
      for (const match of value.matchAll(/secrets\.([A-Za-z_][A-Za-z0-9_]*)/g)) names.add(match[1] as string);
      if (key.endsWith('_secret') || key === 'signing_secrets') names.add(value);
    } else if (Array.isArray(value)) {
      for (const item of value) visit(item, key);
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, item] of Object.entries(value)) visit(item, name);
    }
  };
  visit(subscription.actions, 'actions');
  visit([subscription.filter, subscription.message_key, subscription.ordering], '');
  return names;
}
