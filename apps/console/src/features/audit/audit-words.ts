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
  for (const side of [entry.after, entry.before]) {
    const name = side?.name ?? side?.email;
    if (typeof name === 'string') return name;
  }
  // A number says nothing to a person, and the product is told anyway.
  return entry.entity_id && !/^\d+$/.test(entry.entity_id) ? entry.entity_id : null;
}

/** From → to, a row a field. */
export function auditRows({ before, after }: Pick<AuditEntry, 'before' | 'after'>): ChangeRow[] {
  return Object.keys({ ...before, ...after }).map((field) => ({
    key: field,
    label: spaced(field),
    before: shown(before, field),
    after: shown(after, field),
  }));
}

function shown(side: Record<string, unknown> | null, field: string): string {
  if (!side || !Object.hasOwn(side, field)) return '–';
  const value = side[field];
  if (value === null || value === '') return texts.mqttConfig.emptyValue;
  return typeof value === 'object' ? (JSON.stringify(value, null, 2) ?? '') : String(value);
}

const spaced = (name: string): string => name.replaceAll('_', ' ');
