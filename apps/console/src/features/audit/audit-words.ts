import type { AuditEntry } from '../../api/types';
import type { ChangeRow } from '../../components/change-table';
import { texts } from '../../texts';

const words = texts.audit;

/** `mqtt_config.update` → `MQTT configuration changed`. */
export function actionWords(entry: Pick<AuditEntry, 'action' | 'entity_type'>): string {
  const known = words.actions[entry.action];
  if (known) return known;
  const verb = entry.action.includes('.') ? entry.action.slice(entry.action.lastIndexOf('.') + 1) : entry.action;
  const entity = words.entities[entry.entity_type] ?? spaced(entry.entity_type);
  return `${entity} ${words.verbs[verb] ?? spaced(verb)}`;
}

/** What the entry is about, by name where it tells one. */
export function subjectOf(entry: AuditEntry): string | null {
  if (entry.entity_name !== null) return entry.entity_name;
  // A number says nothing to a person, and the product is told anyway.
  return entry.entity_id && !/^\d+$/.test(entry.entity_id) ? entry.entity_id : null;
}

/** From → to, a row a field; of what is nested, such as the actions of a subscription, only what differs. Secrets that changed look alike on both sides. */
export function auditRows({ before, after }: Pick<AuditEntry, 'before' | 'after'>): ChangeRow[] {
  const from = leavesOf(before ?? {});
  const to = leavesOf(after ?? {});
  return [...new Set([...from.keys(), ...to.keys()])]
    .filter((path) => !path.includes(SEPARATOR) || from.get(path) !== to.get(path))
    .map((field) => ({
      key: field,
      label: spaced(field),
      before: from.get(field) ?? '–',
      after: to.get(field) ?? '–',
    }));
}

const SUMMARY_FIELDS = 4;
const SUMMARY_VALUE = 40;

/** One line of what changed: the names of the fields, or for something new the first values that it was given. */
export function auditSummary(entry: AuditEntry, rows: ChangeRow[]): string {
  const isNew = entry.before === null && entry.after !== null;
  if (!isNew) return [...new Set(rows.map(({ label }) => label.replace(/ › .*/, '')))].join(', ');
  const told = rows.filter(
    ({ key, after }) => key !== 'id' && after !== texts.mqttConfig.emptyValue && after !== subjectOf(entry),
  );
  return told
    .slice(0, SUMMARY_FIELDS)
    .map(
      ({ label, after }) => `${label}: ${after.length > SUMMARY_VALUE ? `${after.slice(0, SUMMARY_VALUE)}…` : after}`,
    )
    .join(', ');
}

const SEPARATOR = ' › ';

/** Each plain value by its path: `actions › a1 › url`; entries of a list by their id, else by their place. */
function leavesOf(value: object, path: string[] = []): Map<string, string> {
  const leaves = new Map<string, string>();
  for (const [index, inner] of Object.entries(value)) {
    const id: unknown = Array.isArray(value) && inner?.id;
    const place = [...path, typeof id === 'string' ? id : Array.isArray(value) ? String(Number(index) + 1) : index];
    if (typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0) {
      for (const [field, leaf] of leavesOf(inner, place)) leaves.set(field, leaf);
    } else leaves.set(place.join(SEPARATOR), shown(inner));
  }
  return leaves;
}

function shown(value: unknown): string {
  if (value === null || value === '') return texts.mqttConfig.emptyValue;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const spaced = (name: string): string => name.replaceAll('_', ' ');
