import type { ConnectionStatus, InstanceStatus } from '../../api/types';

/** A connected instance, as tests need one. */
export function buildInstance(overrides: Partial<InstanceStatus> = {}): InstanceStatus {
  return {
    id: 'edge-1',
    state: 'connected',
    applied_revision: 1,
    config_source: 'orchestrator',
    last_heartbeat_at: '2026-01-02T00:00:00Z',
    since: '2026-01-01T00:00:00Z',
    reason: null,
    reason_code: null,
    advice: null,
    broker: 'primary',
    brokers: [],
    subscribed: { wanted: 1, granted: 1, refused: [], lowered_qos: [] },
    recovery: null,
    probe: null,
    report: {},
    ...overrides,
  };
}

/** A product that is healthy, as tests need one. */
export function buildStatus(overrides: Partial<ConnectionStatus> = {}): ConnectionStatus {
  return {
    product_id: 1,
    health: 'healthy',
    health_reasons: [],
    connected: true,
    state: 'connected',
    desired_revision: 1,
    applied_revision: 1,
    last_connected_at: null,
    last_disconnected_at: null,
    connection_error: null,
    messages_received: 0,
    rate_1m: 0,
    rate_15m: 0,
    last_message_at: null,
    subscribed_topics_count: 1,
    client_id: null,
    broker_info: {},
    updated_at: '2026-01-02T00:00:00Z',
    desired: { enabled: true, revision: 1, since: '2026-01-01T00:00:00Z', reason: null },
    live: {
      state: 'connected',
      since: '2026-01-01T00:00:00Z',
      reason: null,
      connected_instances: 1,
      standby_instances: 0,
      live_instances: 1,
    },
    recovery: null,
    flow: {
      last_message_at: null,
      rate_1m: 0,
      rate_15m: 0,
      acknowledgement_age_ms: null,
      queue_depth: 0,
      oldest_queued_ms: null,
      counters: {
        messages_received: 0,
        matched: 0,
        unmatched: 0,
        deliveries: 0,
        succeeded: 0,
        failed: 0,
        in_flight: 0,
        queued: 0,
        dead: 0,
      },
    },
    probe: null,
    warnings: [],
    containers: [],
    instances: [buildInstance()],
    ...overrides,
  };
}
