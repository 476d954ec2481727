import type { Duplex } from 'node:stream';
import type { ProtocolVersion } from '@cortex-mqtt/contracts';
import { type IClientOptions, MqttClient } from 'mqtt';
import { PacketTap } from './packet-tap';
import type { ReceiverSession } from './receiver-session';

/** The protocol's own limit (MQTT 5, 2.1.4). */
const LARGEST_PACKET_BYTES = 268_435_460;

/**
 * An mqtt.js client for one network connection, whose messages go to a ReceiverSession and are acknowledged by it.
 * mqtt.js does CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ and DISCONNECT. It never reconnects by itself: each connection
 * is a client of its own, and the session is what they share. Nothing happens before `connect()`.
 */
export class ReceivingClient extends MqttClient {
  /** No initialisers here: mqtt.js's constructor runs before they would. */
  private tap: PacketTap | undefined;
  private bytes_at_ping: number | undefined;
  private second_chance: NodeJS.Timeout | undefined;

  constructor(deps: {
    /** As of `buildClientOptions`. What concerns reconnection is overridden. */
    options: IClientOptions;
    openTransport: () => Duplex;
    receiver: ReceiverSession;
    /** Stands in every message as `connection`. */
    name: string;
  }) {
    const version: ProtocolVersion = deps.options.protocolVersion === 5 ? 5 : 4;
    const openTap = (client: MqttClient): PacketTap => {
      const tap = new PacketTap({
        transport: deps.openTransport(),
        receiver: deps.receiver,
        name: deps.name,
        version,
        max_packet_bytes: deps.receiver.max_packet_bytes ?? LARGEST_PACKET_BYTES,
      });
      (client as ReceivingClient).tap = tap;
      // mqtt.js passes on only errors that have a code of the operating system.
      tap.on('error', (error: Error & { code?: unknown }) => {
        if (error.code === undefined) client.emit('error', error);
      });
      return tap;
    };
    super(openTap, {
      ...deps.options,
      protocolVersion: version,
      manualConnect: true,
      reconnectPeriod: 0,
      resubscribe: false,
    });
    this.once('close', () => clearTimeout(this.second_chance));
  }

  /** What the server asks for counts, also where the client asked for none (MQTT-3.2.2-21); mqtt.js leaves a 0 a 0. */
  override get keepalive(): number {
    const { _serverProperties: server } = this as unknown as { _serverProperties?: { serverKeepAlive?: number } };
    const asked = this.connected ? server?.serverKeepAlive : undefined;
    return asked ?? this.options.keepalive ?? 0;
  }

  /** The socket is not read, because more messages are held than may be. */
  get is_withholding(): boolean {
    return this.tap?.is_withholding ?? false;
  }

  /** Before `end()`: writes the acknowledgements that are due and takes no more messages on this connection. */
  finishReceiving(): void {
    this.tap?.finishReceiving();
  }

  override sendPing(): void {
    this.bytes_at_ping = this.tap?.bytes_received;
    super.sendPing();
  }

  /**
   * No PINGRESP within half a keep-alive of PINGREQ. That ends the connection, unless it only stands behind messages:
   * bytes have come since, or we ourselves don't read. Then the next PINGREQ leaves, so that the broker sees us, and
   * the link has another half keep-alive to show life.
   */
  override onKeepaliveTimeout(): void {
    if (!this.showsLife()) {
      super.onKeepaliveTimeout();
      return;
    }
    this.sendPing();
    this.reschedulePing(true);
    clearTimeout(this.second_chance);
    this.second_chance = setTimeout(() => {
      if (this.connected && !this.showsLife()) super.onKeepaliveTimeout();
    }, this.keepalive * 500);
  }

  private showsLife(): boolean {
    if (!this.tap || this.bytes_at_ping === undefined) return false;
    return this.tap.is_withholding || this.tap.bytes_received > this.bytes_at_ping;
  }
}
