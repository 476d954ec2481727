/** What a rule can watch. The order is that of the console's list. */
export const RULE_KINDS = [
  'not_connected',
  'not_resumed',
  'flapping',
  'probe_lost',
  'silence',
  'failure_rate',
  'dead_letters',
  'dead_letters_growing',
  'queue_age',
  'queue_depth',
  'acknowledgement_age',
  'latency_p95',
  'latency_p99',
  'destination_down',
  'certificate_expiry',
  'revision_drift',
  'session_lost',
  'broker_drops_messages',
  'archive_gap',
] as const;
export type RuleKind = (typeof RULE_KINDS)[number];

export type RuleUnit = 'state' | 'share' | 'count' | 's' | 'ms' | 'days';

export interface KindInfo {
  title: string;
  /** `state`: true or false, a threshold means nothing. */
  unit: RuleUnit;
  /** Which side of the threshold is bad. */
  bad: 'above' | 'below';
  threshold: number;
  window_s: number;
  /** Whether it says anything while the product is not connected: its cause is known then. */
  needs_connection: boolean;
  /** Whether the past is on record, for a preview. */
  has_history: boolean;
  /** What it means for those who wait for messages. */
  meaning: string;
  advice: string;
  /** Page of the product that shows it. */
  page: 'overview' | 'mqtt-config' | 'deliveries' | 'destinations' | 'listeners';
}

const STATE = { unit: 'state', bad: 'above', threshold: 0, window_s: 0 } as const;

export const KIND_INFO: Record<RuleKind, KindInfo> = {
  not_connected: {
    ...STATE,
    title: 'Not connected',
    needs_connection: false,
    has_history: true,
    meaning: 'No messages arrive. With a persistent session the broker keeps them until its own limits are reached.',
    advice: 'Open the MQTT configuration and run the connection test: it names the stage that fails and what to do.',
    page: 'mqtt-config',
  },
  not_resumed: {
    ...STATE,
    title: 'Subscriptions not resumed',
    needs_connection: true,
    has_history: false,
    meaning: 'The connection is there, but the broker has not granted every topic filter: some messages never arrive.',
    advice: 'See which filters are refused, and check the access rules of the broker for this client.',
    page: 'mqtt-config',
  },
  flapping: {
    unit: 'count',
    bad: 'above',
    threshold: 5,
    window_s: 600,
    title: 'Connection flaps',
    needs_connection: false,
    has_history: true,
    meaning: 'The connection breaks and returns again and again: messages arrive late and in bursts.',
    advice:
      'Look for a second client with the same client id, a short idle timeout on the way, or a restarting broker.',
    page: 'mqtt-config',
  },
  probe_lost: {
    ...STATE,
    title: 'Delivery probe lost',
    needs_connection: true,
    has_history: false,
    meaning: 'The connection looks healthy, but a test message does not return: real messages may not arrive either.',
    advice: 'Check the log of the broker, its access rules for the probe topic, and how much waits at the broker.',
    page: 'mqtt-config',
  },
  silence: {
    unit: 's',
    bad: 'above',
    threshold: 900,
    window_s: 0,
    title: 'Silence',
    needs_connection: true,
    has_history: true,
    meaning: 'The connection is healthy, but nothing has been published: the sender may have stopped.',
    advice: 'Check the device or system that publishes, and whether its topic has changed.',
    page: 'overview',
  },
  failure_rate: {
    unit: 'share',
    bad: 'above',
    threshold: 0.05,
    window_s: 300,
    title: 'Failure rate',
    needs_connection: false,
    has_history: true,
    meaning: 'A share of the attempts fails. They are retried; what cannot succeed becomes a dead letter.',
    advice: 'Open the destinations to see which one fails and why.',
    page: 'destinations',
  },
  dead_letters: {
    unit: 'count',
    bad: 'above',
    threshold: 0,
    window_s: 0,
    title: 'Dead letters',
    needs_connection: false,
    has_history: false,
    meaning: 'Messages could not be delivered and wait for a decision. Nothing retries them automatically.',
    advice: 'Open the deliveries, fix the cause, and retry or discard them.',
    page: 'deliveries',
  },
  dead_letters_growing: {
    unit: 'count',
    bad: 'above',
    threshold: 0,
    window_s: 3600,
    title: 'Dead letters growing',
    needs_connection: false,
    has_history: true,
    meaning: 'More messages than before cannot be delivered.',
    advice: 'Open the deliveries: the newest attempts name the cause.',
    page: 'deliveries',
  },
  queue_age: {
    unit: 's',
    bad: 'above',
    threshold: 900,
    window_s: 0,
    title: 'Oldest delivery in the queue',
    needs_connection: false,
    has_history: false,
    meaning: 'Deliveries wait in the queue for a long time: their effects are late.',
    advice: 'Check the destinations, and whether a listener of the product is running.',
    page: 'deliveries',
  },
  queue_depth: {
    unit: 'count',
    bad: 'above',
    threshold: 10_000,
    window_s: 0,
    title: 'Deliveries in the queue',
    needs_connection: false,
    has_history: false,
    meaning: 'Many deliveries wait. At the bound of the queue the broker holds the rest back.',
    advice: 'Check the destinations, and add listeners if all are healthy.',
    page: 'deliveries',
  },
  acknowledgement_age: {
    unit: 's',
    bad: 'above',
    threshold: 60,
    window_s: 0,
    title: 'Oldest unacknowledged message',
    needs_connection: true,
    has_history: false,
    meaning: 'Messages are received and not finished: the broker stops sending when its window is full.',
    advice: 'Check whether the queue is reachable, and which destination is slow.',
    page: 'deliveries',
  },
  latency_p95: {
    unit: 'ms',
    bad: 'above',
    threshold: 5_000,
    window_s: 300,
    title: 'Latency p95',
    needs_connection: true,
    has_history: true,
    meaning: 'Five of a hundred deliveries take longer than this from receipt to their end.',
    advice: 'Open the destinations to see which one has become slow.',
    page: 'destinations',
  },
  latency_p99: {
    unit: 'ms',
    bad: 'above',
    threshold: 10_000,
    window_s: 300,
    title: 'Latency p99',
    needs_connection: true,
    has_history: true,
    meaning: 'One of a hundred deliveries takes longer than this from receipt to its end.',
    advice: 'Open the destinations to see which one has become slow.',
    page: 'destinations',
  },
  destination_down: {
    ...STATE,
    title: 'Destination down',
    needs_connection: false,
    has_history: false,
    meaning: 'Attempts to this destination fail in a row. Its deliveries wait in the queue and are retried.',
    advice: 'Fix the destination, then use "Try now" or close the breaker.',
    page: 'destinations',
  },
  certificate_expiry: {
    unit: 'days',
    bad: 'below',
    threshold: 14,
    window_s: 0,
    title: 'Certificate expires',
    needs_connection: false,
    has_history: false,
    meaning: 'When the certificate expires, every new TLS handshake fails.',
    advice: 'Renew the certificate of the broker, or the client certificate in the MQTT configuration.',
    page: 'mqtt-config',
  },
  revision_drift: {
    ...STATE,
    title: 'Revision not applied',
    needs_connection: false,
    has_history: false,
    meaning: 'A listener still runs an older configuration than the one that was saved.',
    advice: 'Open the listeners: the reason is shown beside the revision.',
    page: 'listeners',
  },
  session_lost: {
    unit: 'count',
    bad: 'above',
    threshold: 0,
    window_s: 900,
    title: 'Session lost',
    needs_connection: false,
    has_history: true,
    meaning: 'The broker has discarded the session: messages published while disconnected may be lost.',
    advice: 'Compare the session expiry with the limits of the broker, and check whether the broker lost its storage.',
    page: 'mqtt-config',
  },
  broker_drops_messages: {
    ...STATE,
    title: 'Broker drops messages',
    needs_connection: true,
    has_history: false,
    meaning: 'The broker reports dropped messages: its queue for this client is full.',
    advice: 'Raise the queue limit of the broker, or make the slow destination faster.',
    page: 'mqtt-config',
  },
  archive_gap: {
    unit: 'count',
    bad: 'above',
    threshold: 0,
    window_s: 900,
    title: 'Archive gap',
    needs_connection: false,
    has_history: false,
    meaning: 'Messages were delivered and are missing from the archive.',
    advice: 'Check the storage of the archive.',
    page: 'overview',
  },
};

/** Whether `value` is on the bad side of `threshold`. */
export function isBeyond(kind: RuleKind, value: number, threshold: number): boolean {
  return KIND_INFO[kind].bad === 'above' ? value > threshold : value < threshold;
}
