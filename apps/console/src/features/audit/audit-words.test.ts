import type { AuditEntry } from '../../api/types';
import { actionWords, auditRows, subjectOf } from './audit-words';

const entry = (overrides: Partial<AuditEntry>): AuditEntry => ({
  id: '1',
  created_at: '2026-01-01T00:00:00Z',
  actor_kind: 'user',
  actor_id: 1,
  actor_name: 'ada@example.com',
  ip: null,
  request_id: null,
  action: 'mqtt_config.update',
  entity_type: 'mqtt_config',
  entity_id: '7',
  entity_name: null,
  product_id: 1,
  before: null,
  after: null,
  ...overrides,
});

describe('an entry of the audit log', () => {
  it('says what was done, also for what this console does not know', () => {
    expect(actionWords(entry({}))).toBe('MQTT configuration changed');
    expect(actionWords(entry({ action: 'new_thing.melt', entity_type: 'new_thing' }))).toBe('new thing melt');
  });

  it('names its subject, by id where there is no name and the id says something', () => {
    expect(subjectOf(entry({ entity_id: 'ERP_KEY' }))).toBe('ERP_KEY');
    expect(subjectOf(entry({ entity_name: 'Alarm' }))).toBe('Alarm');
    expect(subjectOf(entry({}))).toBeNull();
  });

  it('shows each field before and after', () => {
    expect(auditRows({ before: { host: 'a', password: '[redacted]' }, after: { host: null, port: 1 } })).toEqual([
      { key: 'host', label: 'host', before: 'a', after: 'empty' },
      { key: 'password', label: 'password', before: '[redacted]', after: '–' },
      { key: 'port', label: 'port', before: '–', after: '1' },
    ]);
  });

  it('shows of what is nested only what differs', () => {
    const actions = (url: string) => [
      { id: 'a1', type: 'log' },
      { id: 'a2', type: 'webhook', url, success_codes: [200], headers: {} },
    ];
    expect(
      auditRows({ before: { actions: actions('http://old') }, after: { actions: actions('http://new') } }),
    ).toEqual([{ key: 'actions › a2 › url', label: 'actions › a2 › url', before: 'http://old', after: 'http://new' }]);
  });
});
