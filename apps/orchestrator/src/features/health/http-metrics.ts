import type { Metrics } from '@cortex-mqtt/observability';

/** One finished request; `route` is the path as declared, never as asked, so that labels stay few. */
export interface FinishedRequest {
  method: string;
  route: string;
  status: number;
  duration_ms: number;
}

export function createHttpMetrics(metrics: Metrics): (request: FinishedRequest) => void {
  const durations = metrics.histogram({
    name: 'cortex_mqtt_http_request_duration_seconds',
    help: 'Requests by method, declared route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  });
  return ({ method, route, status, duration_ms }) => {
    durations.observe({ method, route, status: String(status) }, duration_ms / 1_000);
  };
}
