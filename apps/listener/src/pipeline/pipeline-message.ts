import type { QoS } from '@cortex-mqtt/contracts';

/** What the pipeline needs of a received PUBLISH; the session's IncomingMessage has it. */
export interface PipelineMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly duplicate: boolean;
  readonly properties: {
    readonly user_properties: Record<string, string | string[]>;
    readonly content_type: string | null;
    readonly response_topic: string | null;
    readonly correlation_data: Buffer | null;
    readonly message_expiry_s: number | null;
    readonly payload_is_utf8: boolean;
  };
  /** Name of the broker it came by; null = not known. */
  readonly broker: string | null;
  /** MQTT packet identifier; absent or 0 = none. */
  readonly packet_id?: number;
  /** Name of the connection it came by. */
  readonly connection?: string;
  /** Milliseconds since the epoch. */
  readonly received_at_ms: number;
  /** Of a message that is run again: the replay. */
  readonly replay?: { id: string; received_at: string } | null;
  /** The broker may forget it. Called once. */
  settle(): void;
}
