import type { FieldFault } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import type { AlertMessage } from './alert-message';
import type { ChannelAnswer, ChannelHttp } from './channel-http';

/** What a channel is told with; a type uses some of them. */
export interface ChannelFields {
  url?: string;
  to?: string[];
  from?: string;
  smtp_host?: string;
  smtp_port?: number;
  smtp_security?: 'tls' | 'starttls' | 'none';
  username?: string;
  chat_id?: string;
  topic?: string;
  qos?: 0 | 1 | 2;
  retain?: boolean;
  /** Of SMTP, MQTT, or HTTP Basic. */
  password?: string;
  token?: string;
  routing_key?: string;
  signing_secret?: string;
}
export type ChannelField = keyof ChannelFields;

export interface ChannelRuntime {
  http: ChannelHttp;
  egress: EgressPolicy;
}

/** One way to tell people. Throws ActionFault when the message was not taken. */
export interface ChannelType {
  title: string;
  required: readonly ChannelField[];
  optional: readonly ChannelField[];
  /** Sealed, and never in an answer. */
  secret: readonly ChannelField[];
  check?(fields: ChannelFields): FieldFault[];
  /** Where it goes, without credentials; its breaker goes by it. */
  destination(fields: ChannelFields): string;
  send(fields: ChannelFields, message: AlertMessage, runtime: ChannelRuntime): Promise<ChannelAnswer>;
}
