import { isDeepStrictEqual } from 'node:util';
import type { PlannedChange } from './configuration-plan.view';
import type { PlainDocument } from './document-of';

type Fields = Record<string, unknown>;

/** Lists whose items are known by their names. */
const NAMED_LISTS = ['brokers', 'subscriptions'];
/** Changes that leave messages behind in a session that nobody reads any more. */
const LEAVES_A_SESSION = /^broker(s\[[^\]]*\])?\.(host|port|client_id|clean_session)$/;

/**
 * What differs between two documents of a product, in the order of the document. null = the product is not there. Secrets that get
 * another value are told by name; values are in no document.
 */
export function documentDiff(
  before: PlainDocument | null,
  after: PlainDocument | null,
  new_values: readonly string[] = [],
): PlannedChange[] {
  const changes = compareFields(before ?? {}, after ?? {}, '');
  const values = [...new Set(new_values)].map(
    (name): PlannedChange => ({
      path: `secret value ${name}`,
      kind: 'change',
      from: null,
      to: null,
      destructive: false,
    }),
  );
  return [...changes.filter(({ path }) => path !== 'version'), ...values];
}

function compareFields(before: Fields, after: Fields, prefix: string): PlannedChange[] {
  const names = [...new Set([...Object.keys(after), ...Object.keys(before)])];
  return names.flatMap((name) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const [from, to] = [before[name], after[name]];
    if (isDeepStrictEqual(from, to)) return [];
    if (prefix === '' && NAMED_LISTS.includes(name)) return compareLists(listOf(from), listOf(to), name);
    if (prefix === '' && (isFields(from) || isFields(to))) return compareFields(fieldsOf(from), fieldsOf(to), path);
    return [change(path, from, to)];
  });
}

function compareLists(before: Fields[], after: Fields[], list: string): PlannedChange[] {
  const place = (name: unknown): string => `${list}[${String(name)}]`;
  const changes = after.flatMap((item) => {
    const old = before.find(({ name }) => name === item.name);
    return old ? compareFields(old, item, place(item.name)) : [change(place(item.name), undefined, item)];
  });
  const removed = before.filter(({ name }) => !after.some((item) => item.name === name));
  const order = (items: Fields[]) => items.map(({ name }) => name);
  const is_reordered = changes.length === 0 && removed.length === 0 && !isDeepStrictEqual(order(before), order(after));
  return [
    ...changes,
    ...removed.map((item) => change(place(item.name), item, undefined)),
    ...(is_reordered ? [change(`${list} (order)`, order(before), order(after))] : []),
  ];
}

function change(path: string, from: unknown, to: unknown): PlannedChange {
  const kind = from === undefined ? 'add' : to === undefined ? 'remove' : 'change';
  const removes_a_thing = kind === 'remove' && /^(brokers|subscriptions)\[[^\]]*\]$|^secrets\./.test(path);
  const turns_off = path.endsWith('enabled') && to === false;
  const destructive = removes_a_thing || turns_off || (kind !== 'add' && LEAVES_A_SESSION.test(path));
  return { path, kind, from: from ?? null, to: to ?? null, destructive };
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {});
const listOf = (value: unknown): Fields[] => (Array.isArray(value) ? (value as Fields[]) : []);
