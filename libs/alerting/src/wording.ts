import { KIND_INFO, type RuleKind, type RuleUnit } from './rule-kinds';

/** `0.125` of a share → `12.5 %`, `5400` s → `1 h 30 min`. */
export function formatValue(unit: RuleUnit, value: number): string {
  switch (unit) {
    case 'state':
      return value > 0 ? 'yes' : 'no';
    case 'share':
      return `${round(value * 100)} %`;
    case 'count':
      return String(round(value));
    case 's':
      return formatDuration(value);
    case 'ms':
      return value < 1000 ? `${round(value)} ms` : `${round(value / 1000)} s`;
    case 'days':
      return value === 1 ? '1 day' : `${round(value)} days`;
    default:
      return unit satisfies never;
  }
}

/** The two largest units. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ];
  const first = units.findIndex(([, size]) => whole >= size);
  if (first === -1) return '0 s';
  let left = whole;
  return units
    .slice(first, first + 2)
    .map(([name, size]) => {
      const count = Math.floor(left / size);
      left -= count * size;
      return count === 0 ? '' : `${count} ${name}`;
    })
    .filter((part) => part !== '')
    .join(' ');
}

const round = (value: number): number => Math.round(value * 10) / 10;

export interface Subject {
  kind: RuleKind;
  rule_name: string;
  /** Names of the products, the first affected first. */
  product_names: readonly string[];
  /** The series within the product, such as a device or a destination; empty where there is one. */
  key: string;
  value: number | null;
  threshold: number;
  cause: string | null;
}

/** What is wrong, in one line: `Orders: not connected`, `Broker mqtt.example.com:8883: 200 products not connected`. */
export function incidentTitle({ kind, rule_name, product_names, key, cause }: Subject): string {
  const { title } = KIND_INFO[kind];
  const [first = 'A product'] = product_names;
  // A rule with a name of its own says more than its kind.
  const what = rule_name === title ? title.toLowerCase() : rule_name;
  if (product_names.length === 1)
    return key === '' || kind === 'destination_down' ? `${first}: ${what}` : `${first}: ${what} (${key})`;
  return `${causeName(cause) ?? first}: ${what} for ${product_names.length} products`;
}

/** The value beside its limit; null where there is none to show. */
export function valueSentence({
  kind,
  value,
  threshold,
}: Pick<Subject, 'kind' | 'value' | 'threshold'>): string | null {
  const { unit, bad } = KIND_INFO[kind];
  if (value === null) return 'No data.';
  if (unit === 'state') return null;
  return `${formatValue(unit, value)}, ${bad} the limit of ${formatValue(unit, threshold)}.`;
}

function causeName(cause: string | null): string | null {
  if (cause === null) return null;
  const [, scope, name] = /^([a-z-]+):(.*)$/.exec(cause) ?? [];
  if (scope === 'destination') return `Destination ${name}`;
  if (scope === 'listener-host') return `Listeners on ${name}`;
  return `Broker ${name}`;
}
