import type { QoS } from '@cortex-mqtt/contracts';

export interface PublishRequest {
  topic: string;
  payload: Buffer;
  qos: QoS;
  retain: boolean;
  /** MQTT 5 only; left out on a 3.1.1 connection. */
  user_properties: Record<string, string | string[]>;
  content_type: string | null;
  /** Seconds. */
  message_expiry_s: number | null;
  /** Of what this is the answer to (MQTT 5, 3.3.2.3.6); absent or null = none. */
  correlation_data?: Buffer | null;
}

/** Publishes on a connection of its own: waiting for a PUBACK on the receiving one can block it permanently. */
export interface Publisher {
  /** False on MQTT 3.1.1, which has no user properties and so no hop count. */
  readonly supports_properties: boolean;
  /**
   * Resolves once the broker has it (QoS 1 and 2) or it is written (QoS 0). Rejects with ActionFault, permanent for what the broker
   * has said it doesn't take.
   */
  publish(request: PublishRequest, options: PublishOptions): Promise<void>;
}

export interface PublishOptions {
  signal: AbortSignal;
  /** Milliseconds that the broker has; time spent waiting for a turn on our connection is not among them. Absent: only the signal ends it. */
  timeout_ms?: number;
}
