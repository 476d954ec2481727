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
  };
  /** Milliseconds since the epoch. */
  readonly received_at_ms: number;
  /** The broker may forget it. Called once. */
  settle(): void;
}
