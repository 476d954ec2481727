/** What can stand at a place of an expression. */
export interface Suggestion {
  label: string;
  kind: 'field' | 'function';
  /** Type or signature, shown beside it. */
  detail: string;
  /** What it means. */
  info?: string;
}

export interface Suggestions {
  /** Where the word begins that is replaced. */
  from: number;
  options: Suggestion[];
}

/** What the names of the envelope mean. */
const ENVELOPE_HELP: Record<string, string> = {
  id: 'Idempotency id of this delivery',
  product_id: 'The product',
  subscription_id: 'This subscription',
  topic: 'Topic of the message',
  params: 'Levels matched by {+name}',
  payload: 'Content of the message',
  payload_base64: 'Content of a binary message',
  qos: 'Quality of service: 0, 1 or 2',
  retain: 'Was it a retained message?',
  duplicate: 'May the broker have sent it before?',
  user_properties: 'MQTT 5 user properties',
  received_at: 'When it was received (RFC 3339)',
  broker: 'Name of the broker it came by',
  content_type: 'Its content type, if it has one',
  response_topic: 'Where the publisher waits for an answer',
  correlation_data: 'What an answer brings along (base64)',
  message_expiry_s: 'Seconds that were left when it came',
  published_at: 'When the publisher says it sent it',
  replay: 'Set when the message is run again',
};

/** Functions people reach for most (docs.jsonata.org); any other works too. */
const FUNCTIONS: [name: string, signature: string, info: string][] = [
  ['string', '(value)', 'As text'],
  ['number', '(text)', 'As number'],
  ['boolean', '(value)', 'As true or false'],
  ['not', '(value)', 'The opposite'],
  ['exists', '(value)', 'Is there such a field?'],
  ['length', '(text)', 'Number of characters'],
  ['substring', '(text, start, length)', 'Part of a text'],
  ['substringBefore', '(text, mark)', 'What stands before the mark'],
  ['substringAfter', '(text, mark)', 'What stands after the mark'],
  ['uppercase', '(text)', 'In capitals'],
  ['lowercase', '(text)', 'In small letters'],
  ['trim', '(text)', 'Without blanks around it'],
  ['contains', '(text, part)', 'Is the part in it?'],
  ['split', '(text, mark)', 'Text to list'],
  ['join', '(list, mark)', 'List to text'],
  ['replace', '(text, part, by)', 'Replaces a part'],
  ['match', '(text, /pattern/)', 'Where a pattern matches'],
  ['round', '(number, digits)', 'Rounded'],
  ['floor', '(number)', 'Rounded down'],
  ['ceil', '(number)', 'Rounded up'],
  ['abs', '(number)', 'Without its sign'],
  ['formatNumber', '(number, picture)', 'Number as text'],
  ['sum', '(list)', 'Sum'],
  ['average', '(list)', 'Average'],
  ['max', '(list)', 'Largest'],
  ['min', '(list)', 'Smallest'],
  ['count', '(list)', 'How many'],
  ['append', '(list, list)', 'Both lists'],
  ['sort', '(list)', 'Sorted'],
  ['reverse', '(list)', 'Backwards'],
  ['distinct', '(list)', 'Each once'],
  ['map', '(list, function)', 'Each one changed'],
  ['filter', '(list, function)', 'Those that pass'],
  ['reduce', '(list, function)', 'All in one'],
  ['keys', '(object)', 'Names of the fields'],
  ['lookup', '(object, name)', 'Field by name'],
  ['merge', '(objects)', 'Objects in one'],
  ['toMillis', '(text)', 'Time to milliseconds'],
  ['fromMillis', '(number, picture)', 'Milliseconds to time'],
  ['now', '()', 'The time now'],
];

/** Suggestions for the word before the cursor: fields of the sample along a path, or functions after `$`. */
export function suggestionsAt(textBefore: string, envelope: Record<string, unknown>): Suggestions | null {
  const call = /\$([A-Za-z]*)$/.exec(textBefore);
  if (call) {
    return {
      from: textBefore.length - call[0].length,
      options: FUNCTIONS.map(([name, signature, info]) => ({
        label: `$${name}`,
        kind: 'function',
        detail: signature,
        info,
      })),
    };
  }
  const path = /((?:(?:[A-Za-z_]\w*|`[^`]*`)(?:\[[^\]]*\])?\.)*)([A-Za-z_]\w*)?$/.exec(textBefore);
  if (!path) return null;
  const [, owners = '', word = ''] = path;
  const before = textBefore.slice(0, path.index);
  // After a dot that doesn't belong to a plain path, such as `$f().`, nothing is known.
  if (before.endsWith('.') || (owners === '' && word === '' && before !== '' && !/[\s([{,:=<>&+*?-]$/.test(before)))
    return null;
  const target = walk(envelope, owners);
  if (target === null) return null;
  return {
    from: textBefore.length - word.length,
    options: Object.entries(target).map(([name, value]) => ({
      label: /^[A-Za-z_]\w*$/.test(name) ? name : `\`${name}\``,
      kind: 'field',
      detail: shortValue(value),
      info: owners === '' ? ENVELOPE_HELP[name] : undefined,
    })),
  };
}

function walk(envelope: Record<string, unknown>, owners: string): Record<string, unknown> | null {
  let target: unknown = envelope;
  for (const [, plain, quoted] of owners.matchAll(/(?:([A-Za-z_]\w*)|`([^`]*)`)(?:\[[^\]]*\])?\./g)) {
    const name = plain ?? quoted ?? '';
    target = firstObject(target);
    if (typeof target !== 'object' || target === null || !Object.hasOwn(target, name)) return null;
    target = (target as Record<string, unknown>)[name];
  }
  const found = firstObject(target);
  return typeof found === 'object' && found !== null && !Array.isArray(found)
    ? (found as Record<string, unknown>)
    : null;
}

/** JSONata looks through lists: the fields of their entries are the fields of the list. */
function firstObject(value: unknown): unknown {
  return Array.isArray(value) ? value.find((one) => typeof one === 'object' && one !== null) : value;
}

function shortValue(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.length > 28 ? `${text.slice(0, 27)}…` : text;
}
