import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { emptyCounters, type StatusDelta, type StatusReply, type StatusReport } from '@cortex-mqtt/contracts';
import { buildStatusReport } from './build-status-report';

export interface SimulatedListenerOptions {
  token: string;
  instance_id: string;
  /** What its messages are counted for; null = it counts none. */
  subscription_id: number | null;
  applied_revision: number;
  /** Connections of all listeners of one test; an own one each when absent. */
  agent?: Agent;
}

const TIMEOUT_MS = 30_000;

/**
 * A listener as the orchestrator sees it: reports in the real shape over HTTP, cumulative counters, and a delta that is frozen
 * and sent again until it is confirmed. It has no broker: thousands fit into one process.
 */
export class SimulatedListener {
  private readonly boot_id = randomUUID();
  private readonly agent: Agent;
  private sequence = 0;
  private delta_sequence = 0;
  private readonly counters = emptyCounters();
  /** Messages that no delta holds yet. */
  private uncounted = 0;
  /** The delta that is not confirmed. */
  private pending: StatusDelta | null = null;
  private last_message_at: string | null = null;
  private applied_revision: number;
  private applied_revision_key: string | null = null;

  constructor(private readonly options: SimulatedListenerOptions) {
    this.applied_revision = options.applied_revision;
    this.agent = options.agent ?? new Agent({ keepAlive: true, maxSockets: 1 });
  }

  /** Messages that it has received so far. */
  get received(): number {
    return this.counters.messages_received;
  }

  /** Whether the orchestrator has confirmed everything that was counted. */
  get isSettled(): boolean {
    return this.pending === null && this.uncounted === 0;
  }

  /** Receives messages, and executes one action successfully for each. */
  receive(messages: number): void {
    this.counters.messages_received += messages;
    this.counters.messages_matched += messages;
    this.counters.deliveries_started += messages;
    this.counters.deliveries_succeeded += messages;
    this.counters.actions_attempted += messages;
    this.counters.actions_executed += messages;
    this.uncounted += messages;
    this.last_message_at = new Date().toISOString();
  }

  /** Posts one report. Rejects when it was not answered with 200: then what it counted goes with the next one again. */
  async report(orchestrator_url: string, overrides: Partial<StatusReport> = {}): Promise<StatusReply> {
    this.sequence += 1;
    const report = buildStatusReport({
      instance_id: this.options.instance_id,
      boot_id: this.boot_id,
      sequence: this.sequence,
      client_id: this.options.instance_id,
      applied_revision: this.applied_revision,
      applied_revision_key: this.applied_revision_key,
      state_since: '2030-01-01T00:00:00.000Z',
      connected_at: '2030-01-01T00:00:00.000Z',
      subscribed: { wanted: 1, granted: 1 },
      last_message_at: this.last_message_at,
      counters: { ...this.counters },
      delta: this.nextDelta(),
      ...overrides,
    });
    const reply = await this.post(`${orchestrator_url}/internal/mqtt-status`, JSON.stringify(report));
    if (this.pending !== null && reply.delta_sequence >= this.pending.sequence) this.pending = null;
    this.applied_revision = reply.desired_revision;
    this.applied_revision_key = reply.desired_revision_key ?? null;
    return reply;
  }

  private nextDelta(): StatusDelta {
    const { subscription_id } = this.options;
    if (this.pending === null && this.uncounted > 0 && subscription_id !== null) {
      this.delta_sequence += 1;
      const counted = this.uncounted;
      this.pending = {
        sequence: this.delta_sequence,
        subscriptions: [
          {
            subscription_id,
            messages_received: counted,
            actions_attempted: counted,
            actions_executed: counted,
            actions_failed: 0,
            last_message_at: this.last_message_at,
          },
        ],
        events: [],
      };
      this.uncounted = 0;
    }
    return this.pending ?? { sequence: this.delta_sequence, subscriptions: [], events: [] };
  }

  private post(url: string, body: string): Promise<StatusReply> {
    return new Promise((resolve, reject) => {
      const sent = request(
        url,
        {
          method: 'POST',
          agent: this.agent,
          timeout: TIMEOUT_MS,
          headers: {
            authorization: `Bearer ${this.options.token}`,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
          },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('error', reject);
          response.on('end', () => {
            if (response.statusCode === 200) resolve(JSON.parse(text) as StatusReply);
            else reject(new Error(`POST ${url} answered ${response.statusCode}: ${text}`));
          });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`POST ${url} was not answered within ${TIMEOUT_MS} ms`)));
      sent.on('error', reject);
      sent.end(body);
    });
  }
}
