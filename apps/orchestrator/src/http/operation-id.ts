import type { Route } from './route';

const SINGULARS: Record<string, string> = { deliveries: 'delivery', discover: 'discover' };

/**
 * The name of an operation in generated clients: `listSubscriptions`, `createBroker`, `updateMqttConfig`. A route whose path
 * reads otherwise has an `operation_id` of its own.
 */
export function operationId(route: Pick<Route, 'method' | 'path' | 'response' | 'operation_id' | 'status'>): string {
  if (route.operation_id !== undefined) return route.operation_id;
  const segments = nounsOf(route.path);
  const last = segments.at(-1) ?? '';
  const words = segments.filter((segment) => !isParameter(segment));
  if (isParameter(last)) return verbOfOne(route.method) + pascal([...words.slice(0, -1), singular(words.at(-1) ?? '')]);
  switch (route.method) {
    case 'get':
      return (isList(route.response) ? 'list' : 'get') + pascal(words);
    case 'post':
      if (route.status === 201) return `create${pascal([...words.slice(0, -1), singular(last)])}`;
      // `…/incidents/{id}/mute` → `muteIncident`
      return camel([last, ...words.slice(0, -1).map(singular)]);
    case 'put':
    case 'patch':
      return `update${pascal(words)}`;
    case 'delete':
      return `delete${pascal(words)}`;
  }
}

/** What is left when the prefix, the product and `mqtt-config` are understood. */
function nounsOf(path: string): string[] {
  let segments = path
    .replace(/^\/api\/v1|^\/internal\/v1|^\/internal/, '')
    .split('/')
    .filter(Boolean);
  if (segments[0] === 'products' && segments.length > 2) segments = segments.slice(2);
  if (segments[0] === 'mqtt-config' && segments.length > 1 && segments[1] === 'subscriptions')
    segments = segments.slice(1);
  return segments;
}

const isParameter = (segment: string): boolean => segment.startsWith('{');

function verbOfOne(method: Route['method']): string {
  switch (method) {
    case 'get':
      return 'get';
    case 'post':
      return 'use';
    case 'put':
    case 'patch':
      return 'update';
    case 'delete':
      return 'delete';
  }
}

const isList = (response: Route['response']): boolean => typeof response === 'object' && 'page' in response;

const singular = (word: string): string => SINGULARS[word] ?? word.replace(/s$/, '');

const pascal = (words: string[]): string =>
  words
    .flatMap((word) => word.split(/[-_.]/))
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');

function camel(words: string[]): string {
  const name = pascal(words);
  return name.charAt(0).toLowerCase() + name.slice(1);
}
