/** With an HTTP proxy `dns` and `tcp` lead to the proxy, and `proxy` is its tunnel to the broker. */
export const TEST_STAGES = ['dns', 'tcp', 'proxy', 'tls', 'websocket', 'connect', 'subscribe', 'roundtrip'] as const;
export type TestStage = (typeof TEST_STAGES)[number];
export const STAGE_STATES = ['passed', 'failed', 'skipped'] as const;
export type StageState = (typeof STAGE_STATES)[number];

/** One step of a connection test. `detail` has what the stage found (addresses, certificate, CONNACK properties, …). */
export interface StageResult {
  stage: TestStage;
  state: StageState;
  duration_ms: number;
  detail: Record<string, unknown>;
}

/** What failed, why in plain words, and what to do. `code` is stable, upper snake case, e.g. `TLS_EXPECTED`. */
export interface Diagnosis {
  stage: TestStage;
  code: string;
  cause: string;
  advice: string;
}

/** Answer of `POST …/mqtt-config/test`. */
export interface ConnectionTestResult {
  status: 'success' | 'failed';
  connected: boolean;
  /** Milliseconds from the first stage to the CONNACK; null when it never came. */
  latency_ms: number | null;
  broker_info: Record<string, unknown>;
  /** `listener:<instance id>` or `orchestrator`. */
  tested_from: string;
  stages: StageResult[];
  diagnosis: Diagnosis | null;
  /** Things that work today and will not tomorrow, or are unsafe: certificate about to expire, password without TLS, … */
  warnings: { code: string; message: string }[];
}

/** What a tester needs; fetched by id from the internal API, never in a job. */
export interface ConnectionTestRequest {
  id: string;
  broker: import('./broker').BrokerConnection;
  /** Topic filters to SUBSCRIBE to, as they would be sent. */
  topic_filters: { filter: string; qos: 0 | 1 | 2 }[];
  /** Publishes to this topic and waits to receive it; null = no round trip. */
  roundtrip_topic: string | null;
  /** Proves shared subscriptions also where no filter is one. */
  prove_shared?: boolean;
  timeout_ms: number;
}
