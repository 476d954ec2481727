import type { FieldFault } from '@cortex-mqtt/contracts';
import { checkExpression } from '@cortex-mqtt/expressions';
import { isShared, topicFilterFaults } from '@cortex-mqtt/mqtt';
import type { ArchiveSettings } from '../../model/archive-settings';
import type { ArchiveDto, PutMqttConfigDto } from './mqtt-config.dto';

/** What is stored with what was given; absent fields keep what is stored. */
export function changedArchive(stored: ArchiveSettings, dto: ArchiveDto): ArchiveSettings {
  const { redact, ...fields } = dto;
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  const settings: ArchiveSettings = { ...stored, ...given };
  if (redact === undefined) return settings;
  const paths = redact?.paths ?? [];
  const expression = redact?.expression ?? null;
  return { ...settings, redact: paths.length === 0 && expression === null ? null : { paths, expression } };
}

/** What the shape of the settings can't say. */
export function archiveFaults({ archive }: PutMqttConfigDto): FieldFault[] {
  if (archive === undefined) return [];
  const faults: FieldFault[] = [];
  for (const [index, filter] of (archive.filters ?? []).entries()) {
    const field = `archive.filters[${index}]`;
    if (isShared(filter)) faults.push({ field, message: 'must be a filter without $share' });
    else faults.push(...topicFilterFaults(filter).map((message) => ({ field, message })));
  }
  const expression = archive.redact?.expression;
  if (typeof expression === 'string') {
    const checked = checkExpression(expression);
    if (!checked.ok) faults.push({ field: 'archive.redact.expression', message: checked.fault.message });
  }
  return faults;
}
