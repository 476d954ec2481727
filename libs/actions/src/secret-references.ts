import type { ActionDefinition } from '@cortex-mqtt/contracts';
import { ExpressionError, listSecretNames } from '@cortex-mqtt/expressions';
import { ActionFault } from './action-fault';

/** Fields whose value is the name of a secret. */
const NAME_FIELDS = ['client_cert_secret', 'client_key_secret', 'client_key_passphrase_secret', 'connection_secret'];

/** Names of all secrets that actions refer to, so that a listener gets these and no others. */
export function referencedSecrets(actions: readonly ActionDefinition[]): string[] {
  const names = new Set<string>();
  for (const action of actions) {
    for (const [field, value] of Object.entries(action)) {
      if (NAME_FIELDS.includes(field) && typeof value === 'string') names.add(value);
      else if (field === 'signing_secrets' && Array.isArray(value)) for (const name of value) names.add(String(name));
      // In JSONata `{{` is an object in an object, and no secret is there.
      else if (field !== 'when' && field !== 'input' && field !== 'statement' && field !== 'parameters') {
        for (const name of namesIn(value)) names.add(name);
      }
    }
  }
  return [...names].sort();
}

function namesIn(value: unknown): string[] {
  if (typeof value === 'string') {
    if (!value.includes('{{')) return [];
    try {
      return listSecretNames(value);
    } catch (error) {
      // A template that doesn't parse fails where it is used, with its place.
      if (error instanceof ExpressionError) return [];
      throw error;
    }
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(namesIn);
}

/** Throws a permanent ActionFault when an action refers to a secret that isn't among `known`; null = any. */
export function assertSecretsKnown(action: ActionDefinition, known: ReadonlySet<string> | null): void {
  const missing = known === null ? [] : referencedSecrets([action]).filter((name) => !known.has(name));
  if (missing.length === 0) return;
  throw new ActionFault(`the product has no secret ${missing.map((name) => `"${name}"`).join(', ')}`, {
    permanent: true,
    detail: { code: 'SECRET_MISSING' },
  });
}
