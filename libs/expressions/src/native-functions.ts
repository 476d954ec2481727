import { jsonata } from './on-demand';

/** What JSONata makes of a function that is built in or registered. */
export interface JsonataFunction {
  _jsonata_function: true;
  implementation: (this: FunctionFocus, ...args: unknown[]) => unknown;
  signature?: unknown;
}

/** `this` of an implementation. */
export interface FunctionFocus {
  environment: { timestamp: Date | null; lookup(name: string): unknown };
  input: unknown;
}

/** Functions that cost no more than their arguments are large, so that they may run in the listener's own thread. */
const CHEAP = [
  'sum',
  'count',
  'max',
  'min',
  'average',
  'string',
  'substring',
  'substringBefore',
  'substringAfter',
  'lowercase',
  'uppercase',
  'length',
  'trim',
  'pad',
  'match',
  'contains',
  'replace',
  'split',
  'join',
  'formatNumber',
  'formatBase',
  'formatInteger',
  'number',
  'floor',
  'ceil',
  'round',
  'abs',
  'sqrt',
  'power',
  'random',
  'boolean',
  'not',
  'map',
  'filter',
  'keys',
  'lookup',
  'append',
  'exists',
  'spread',
  'merge',
  'reverse',
  'each',
  'sift',
  'error',
  'assert',
  'type',
  'base64encode',
  'base64decode',
  'encodeUrlComponent',
  'encodeUrl',
  'decodeUrlComponent',
  'decodeUrl',
  'now',
  'millis',
  'fromMillis',
  'toMillis',
] as const;

/** Functions whose cost outgrows their arguments, or that feed their result back: sandbox only. */
const COSTLY = ['zip', 'single', 'reduce', 'sort', 'shuffle', 'distinct', 'parseInteger', 'clone'] as const;

/** Names of the built-in functions an expression may use. `$eval` isn't among them: it would evade every check at save. */
export const CHEAP_FUNCTIONS: ReadonlySet<string> = new Set(CHEAP);
export const KNOWN_FUNCTIONS: ReadonlySet<string> = new Set<string>([...CHEAP, ...COSTLY]);
export const REMOVED_FUNCTIONS: ReadonlySet<string> = new Set(['eval']);

/** Functions of JSONata's own frame, which only an evaluation can reach. `now` and `millis` are ours. */
let natives: Promise<ReadonlyMap<string, JsonataFunction>> | null = null;

/** The originals of the built-in functions, by name. */
export function nativeFunctions(): Promise<ReadonlyMap<string, JsonataFunction>> {
  natives ??= loadNatives();
  return natives;
}

async function loadNatives(): Promise<ReadonlyMap<string, JsonataFunction>> {
  const found = new Map<string, JsonataFunction>();
  for (const name of KNOWN_FUNCTIONS) {
    const value: unknown = await jsonata()(`$${name}`).evaluate(null);
    if (!isNative(value)) throw new Error(`this version of jsonata has no function $${name}`);
    found.set(name, value);
  }
  return found;
}

function isNative(value: unknown): value is JsonataFunction {
  return typeof value === 'object' && value !== null && '_jsonata_function' in value && 'implementation' in value;
}
