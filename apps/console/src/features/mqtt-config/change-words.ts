import type { ChangeRow } from '../../components/change-table';
import { texts } from '../../texts';
import { type Change, isSecretField, type SecretDraft } from './config-draft';

const words = texts.mqttConfig;

export function changeRows(changes: Change[]): ChangeRow[] {
  return changes.map(({ field, before, after }) => ({
    key: field,
    label: words.fields[field] ?? field,
    before: valueWords(field, before),
    after: valueWords(field, after),
  }));
}

/** A value as a person reads it; a secret is told, never shown. */
export function valueWords(field: string, value: unknown): string {
  if (isSecretField(field)) {
    const kind = (value as SecretDraft | undefined)?.kind ?? 'keep';
    switch (kind) {
      case 'keep':
        return words.secretKept;
      case 'replace':
        return words.secretReplaced;
      case 'clear':
        return words.secretCleared;
    }
  }
  if (value === null || value === undefined || value === '') return words.emptyValue;
  if (typeof value === 'boolean') return value ? texts.common.on : texts.common.off;
  if (Array.isArray(value)) return value.length === 0 ? words.emptyValue : value.map(partWords).join(', ');
  if (typeof value === 'object') {
    const entries = Object.entries(value);
    return entries.length === 0
      ? words.emptyValue
      : entries.map(([name, inner]) => `${name}: ${String(inner)}`).join('\n');
  }
  return String(value);
}

/** An entry of a list: text as it is, a pair as `name: value`, anything else as JSON. */
function partWords(part: unknown): string {
  if (Array.isArray(part)) return part.join(': ');
  return typeof part === 'object' && part !== null ? JSON.stringify(part) : String(part);
}

/** What the listeners will do about it. */
export function effectOf(changes: Change[]): string {
  if (changes.some(({ field }) => field.startsWith('broker.'))) return words.effectBroker;
  if (changes.some(({ field }) => field.startsWith('topics.'))) return words.effectTopics;
  return words.effectOther;
}
