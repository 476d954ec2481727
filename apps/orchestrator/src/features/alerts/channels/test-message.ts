import { randomUUID } from 'node:crypto';
import type { AlertMessage } from './types/alert-message';

/** What the test button of a channel sends. */
export function testMessage(console_url: string): AlertMessage {
  const now = new Date().toISOString();
  return {
    key: `test-${randomUUID()}`,
    event: 'test',
    sent_at: now,
    incident: {
      id: 0,
      state: 'firing',
      kind: 'not_connected',
      severity: 'info',
      title: 'this is a test message from cortex-mqtt',
      summary: 'If you read this, the channel works. Nothing is wrong.',
      meaning: 'Incidents that match the routes of this channel arrive here.',
      advice: 'Nothing to do.',
      started_at: now,
      resolved_at: null,
      acknowledged_by: null,
      products: [{ id: 0, name: 'Test' }],
      product_count: 1,
      labels: {},
      runbook_url: null,
      rule_name: 'Test',
    },
    incident_url: `${console_url}/alerts`,
    acknowledge_url: null,
  };
}
