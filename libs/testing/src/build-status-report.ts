import { emptyCounters, type StatusReport } from '@cortex-mqtt/contracts';

/** The report of a listener that is connected and has done nothing yet. */
export function buildStatusReport(overrides: Partial<StatusReport> = {}): StatusReport {
  const now = new Date().toISOString();
  return {
    instance_id: 'one',
    boot_id: 'boot',
    sequence: 1,
    reported_at: now,
    version: '0.0.0',
    hostname: 'host',
    pid: 1,
    started_at: '2030-01-01T00:00:00.000Z',
    state: 'connected',
    state_since: now,
    reason: null,
    reason_code: null,
    advice: null,
    config_source: 'orchestrator',
    applied_revision: 1,
    applied_reconnect_generation: 0,
    rejected_revision: null,
    broker: { name: 'primary', host: 'a.example.com', port: 1883 },
    broker_info: {},
    client_id: 'client',
    connected_at: now,
    disconnected_at: null,
    recovery: null,
    subscribed: { wanted: 0, granted: 0 },
    topic_filters: [],
    warnings: [],
    oldest_unacknowledged_ms: null,
    in_flight: 0,
    queue_depth: null,
    oldest_queued_ms: null,
    probe: null,
    last_message_at: null,
    latency_ms: null,
    counters: buildCounters(),
    delta: { sequence: 0, subscriptions: [], events: [] },
    ...overrides,
  };
}

export function buildCounters(overrides: Partial<StatusReport['counters']> = {}): StatusReport['counters'] {
  return { ...emptyCounters(), ...overrides };
}
