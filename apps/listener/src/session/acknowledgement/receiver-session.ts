import type { ProtocolVersion, QoS } from '@cortex-mqtt/contracts';
import type { IncomingMessage, MessageProperties, SubscriptionIdentifiers } from '../incoming-message';
import type { PublishPacket } from './publish-packet';

/** What the listener holds at most; the broker keeps the rest. */
export interface ReceiverLimits {
  /** Messages received and not yet acknowledged. With MQTT 5 this is also the Receive Maximum. */
  messages: number;
  /** Bytes of those messages. One larger message is taken when nothing else is held. */
  bytes: number;
  /** Largest payload that is taken; larger messages are acknowledged and discarded. Absent = as MQTT allows. */
  payload_bytes?: number;
}

/** A message that was larger than it may be. */
export interface DiscardedMessage {
  topic: string;
  qos: QoS;
  /** Of the whole packet. */
  bytes: number;
}

/** Topic and properties of a packet take this much beside the payload at most. */
const BESIDE_PAYLOAD_BYTES = 128 * 1024;

/** One network connection, as the receiver sees it. */
export interface ReceiverConnection {
  name: string;
  version: ProtocolVersion;
  /** Writes whole packets; they must reach the wire in this order and never inside another packet. */
  write(packets: Buffer): void;
  /** There is room for messages again after `offer` said `full`. */
  onRoom(): void;
}

/** Roughly what a message costs in memory beside its topic and payload. */
const OVERHEAD_BYTES = 256;

/** Fixed headers of the acknowledgements; a length of 2 means success in MQTT 5 too (MQTT 5, 3.4.2.1). */
const PUBACK = 0x4002;
const PUBREC = 0x5002;
const PUBCOMP = 0x7002;
const ACKNOWLEDGEMENT_BYTES = 4;

/** Milliseconds after a write in which what is settled waits for others, so that they leave in one write. */
const GATHER_MS = 1;
/** As many leave without waiting, or a quarter of what may be held: the broker's window must not stand closed for it. */
const GATHERED = 64;

/**
 * The receiving half of one MQTT session: which messages are unacknowledged, in which order they came, and what the
 * broker may send again. It outlives connections, as the session does (MQTT 5, 4.1), and ends with the process.
 *
 * - QoS 1: PUBACK when settled, in order of receipt (MQTT-4.6.0-2).
 * - QoS 2: PUBREC when settled, in order of receipt (MQTT-4.6.0-3), so a crash before it makes the broker send the
 *   message again; from PUBREC to PUBREL the packet identifier is remembered and the same message, which comes with DUP,
 *   never runs again (MQTT-4.3.3-10); PUBCOMP answers PUBREL.
 * - After a reconnection within the session, a message that comes again while it is still running, or whose
 *   acknowledgement was never written, is not run again but acknowledged when it is settled.
 */
export class ReceiverSession {
  private connection: ReceiverConnection | null = null;
  private readonly qos1 = new AckQueue(PUBACK);
  private readonly qos2 = new AckQueue(PUBREC);
  /** By packet identifier: 1 = unacknowledged on this connection. */
  private readonly unacknowledged = new Uint8Array(65_536);
  /** Unacknowledged when their connection ended, by packet identifier: what the broker will send again. */
  private readonly carried_over = new Map<number, ReceivedMessage>();
  /** QoS 2 packet identifiers between PUBREC and PUBREL. */
  private readonly awaiting_release = new Set<number>();
  private readonly completions: number[] = [];
  private flush_is_scheduled = false;
  /** Runs for GATHER_MS after a write. */
  private gathering: NodeJS.Timeout | null = null;
  /** Settled messages whose acknowledgement is not written. */
  private unwritten = 0;
  private is_accepting = true;
  /** Someone was told `full` and waits for `onRoom`. */
  private someone_waits = false;
  private held_messages = 0;
  private held_bytes = 0;
  private when_idle: (() => void)[] = [];

  constructor(
    private readonly deps: {
      limits: ReceiverLimits;
      onMessage: (message: IncomingMessage) => void;
      onDiscarded?: (message: DiscardedMessage) => void;
    },
  ) {}

  /** Largest packet that is read whole (MQTT 5, 3.1.2.11.4); null = as MQTT allows. */
  get max_packet_bytes(): number | null {
    const { payload_bytes } = this.deps.limits;
    return payload_bytes === undefined ? null : payload_bytes + BESIDE_PAYLOAD_BYTES;
  }

  /** Messages that are held: running, or settled and waiting for older ones. */
  get in_flight(): number {
    return this.held_messages;
  }

  get in_flight_bytes(): number {
    return this.held_bytes;
  }

  /** When the oldest message that is not acknowledged was received, in milliseconds since the epoch; null = none. */
  get oldest_received_at_ms(): number | null {
    let oldest: number | null = null;
    for (const message of [this.qos1.first(), this.qos2.first(), ...this.carried_over.values()]) {
      if (message === undefined || message.is_released) continue;
      if (oldest === null || message.received_at_ms < oldest) oldest = message.received_at_ms;
    }
    return oldest;
  }

  /** A new network connection begins. What follows goes to it. */
  attach(connection: ReceiverConnection): void {
    if (this.connection) this.detach(this.connection);
    this.connection = connection;
  }

  /** CONNACK came. Without its session the broker knows nothing of older messages (MQTT 5, 3.2.2.1.1). */
  sessionBegan(connection: ReceiverConnection, options: { session_present: boolean }): void {
    if (this.connection !== connection || options.session_present) return;
    this.carried_over.clear();
    this.awaiting_release.clear();
  }

  /** We are about to end the connection: what is settled is acknowledged, what still comes by it is not taken. */
  finish(connection: ReceiverConnection): void {
    if (this.connection !== connection) return;
    this.flush();
    this.detach(connection);
  }

  /** The connection ended. None of its acknowledgements will be written, on it or on the next. */
  detach(connection: ReceiverConnection): void {
    if (this.connection !== connection) return;
    this.connection = null;
    this.someone_waits = false;
    this.completions.length = 0;
    this.unwritten = 0;
    for (const queue of [this.qos1, this.qos2]) {
      for (const message of queue.drain()) {
        this.unacknowledged[message.packet_id] = 0;
        message.is_queued = false;
        if (message.is_settled) this.release(message);
        if (!message.is_repeat) this.carried_over.set(message.packet_id, message);
      }
    }
    this.boundCarriedOver();
  }

  /** Takes a PUBLISH. `full`: nothing was taken, offer it again at `onRoom`. */
  offer(connection: ReceiverConnection, packet: PublishPacket): 'taken' | 'full' {
    // What comes too late stays unacknowledged, and is sent again.
    if (this.connection !== connection || !this.is_accepting) return 'taken';
    if (packet.qos > 0 && this.isRepeat(packet)) return 'taken';
    if (this.isFull(packet.payload.length)) {
      this.someone_waits = true;
      return 'full';
    }
    const message = new ReceivedMessage(this, packet, connection.name);
    this.held_messages += 1;
    this.held_bytes += message.bytes;
    if (packet.qos > 0) this.enqueue(message);
    this.deps.onMessage(message);
    return 'taken';
  }

  /**
   * A PUBLISH that is too large to be read: acknowledged in its turn, as if it had been delivered, which is what a broker does
   * that knows the limit (MQTT-3.1.2-25).
   */
  discard(connection: ReceiverConnection, packet: PublishPacket, bytes: number): void {
    if (this.connection !== connection || !this.is_accepting) return;
    this.deps.onDiscarded?.({ topic: packet.topic, qos: packet.qos, bytes });
    if (packet.qos === 0 || this.unacknowledged[packet.packet_id] === 1) return;
    this.enqueue(ReceivedMessage.settledRepeat(this, packet, connection.name));
  }

  /** PUBREL came: the broker will never send this message again (MQTT-4.3.3-11). */
  releaseReceived(connection: ReceiverConnection, packet_id: number): void {
    if (this.connection !== connection) return;
    this.awaiting_release.delete(packet_id);
    this.completions.push(packet_id);
    this.scheduleFlush();
  }

  /** From now on nothing is taken: what comes stays unacknowledged and is sent again in the next connection. */
  stopAccepting(): void {
    this.is_accepting = false;
  }

  /** For a connection that begins after `stopAccepting`. */
  startAccepting(): void {
    this.is_accepting = true;
  }

  /** Resolves when nothing is held any more and the acknowledgements were written. */
  async idle(): Promise<void> {
    if (this.held_messages > 0) await new Promise<void>((resolve) => this.when_idle.push(resolve));
    this.flush();
  }

  /** Called by a message, once. */
  settled(message: ReceivedMessage): void {
    if (!message.is_queued) this.release(message);
    else this.acknowledgeSoon(message.qos === 1 ? this.qos1 : this.qos2);
    if (this.someone_waits) this.scheduleFlush();
  }

  private isFull(payload_bytes: number): boolean {
    const { limits } = this.deps;
    if (this.held_messages >= limits.messages) return true;
    return this.held_messages > 0 && this.held_bytes + payload_bytes > limits.bytes;
  }

  /**
   * Is it one that we have? Then it is queued for its acknowledgement and doesn't run. Where it is not sure to be the
   * same message it runs: a duplicate is better than a loss.
   */
  private isRepeat(packet: PublishPacket): boolean {
    const { packet_id, qos } = packet;
    // Without DUP the broker sends it for the first time (MQTT-3.3.1-1): one that lost its last minutes gives new numbers.
    if (qos === 2 && !packet.duplicate) this.awaiting_release.delete(packet_id);
    if (qos === 2 && this.awaiting_release.has(packet_id)) {
      this.enqueue(ReceivedMessage.settledRepeat(this, packet, this.connection!.name));
      return true;
    }
    if (this.unacknowledged[packet_id] === 1) return packet.duplicate || qos === 2;
    if (this.carried_over.size === 0) return false;
    const earlier = this.carried_over.get(packet_id);
    if (earlier === undefined) return false;
    // A broker that renumbers on redelivery, or that reuses a number, sends something else under it.
    this.carried_over.delete(packet_id);
    const is_same =
      packet.duplicate &&
      earlier.qos === qos &&
      earlier.topic === packet.topic &&
      earlier.payload.equals(packet.payload);
    if (is_same) this.enqueue(earlier);
    return is_same;
  }

  private enqueue(message: ReceivedMessage): void {
    message.is_queued = true;
    this.unacknowledged[message.packet_id] = 1;
    const queue = message.qos === 1 ? this.qos1 : this.qos2;
    queue.push(message);
    if (message.is_settled) this.acknowledgeSoon(queue);
  }

  private release(message: ReceivedMessage): void {
    if (message.is_released) return;
    message.is_released = true;
    this.held_messages -= 1;
    this.held_bytes -= message.bytes;
    if (this.held_messages === 0 && this.when_idle.length > 0) {
      for (const resolve of this.when_idle.splice(0)) resolve();
    }
  }

  /** One more of that queue is settled. A write for each would cost more than many a message, here and at the broker. */
  private acknowledgeSoon(queue: AckQueue): void {
    this.unwritten += 1;
    if (!queue.first()?.is_settled) return;
    if (this.gathering === null || this.unwritten >= Math.min(GATHERED, this.deps.limits.messages / 4)) {
      this.scheduleFlush();
    }
  }

  private gather(): void {
    this.gathering ??= setTimeout(() => {
      this.gathering = null;
      this.flushAndTakeMore();
    }, GATHER_MS);
  }

  /** All that is settled within one turn of the event loop leaves in one buffer. */
  private scheduleFlush(): void {
    if (this.flush_is_scheduled) return;
    this.flush_is_scheduled = true;
    setImmediate(() => {
      this.flush_is_scheduled = false;
      this.flushAndTakeMore();
    });
  }

  private flushAndTakeMore(): void {
    this.flush();
    if (!this.someone_waits || !this.connection || this.isFull(0)) return;
    this.someone_waits = false;
    this.connection.onRoom();
  }

  private flush(): void {
    if (!this.connection) return;
    const pubacks = this.qos1.settledPrefix();
    const pubrecs = this.qos2.settledPrefix();
    const count = pubacks + pubrecs + this.completions.length;
    if (count === 0) return;
    const packets = Buffer.allocUnsafe(count * ACKNOWLEDGEMENT_BYTES);
    let at = 0;
    for (const packet_id of this.completions) at = writeAcknowledgement(packets, at, PUBCOMP, packet_id);
    this.completions.length = 0;
    for (let taken = 0; taken < pubacks; taken += 1) at = this.acknowledgeFirst(this.qos1, packets, at);
    for (let taken = 0; taken < pubrecs; taken += 1) {
      this.awaiting_release.add(this.qos2.first()!.packet_id);
      at = this.acknowledgeFirst(this.qos2, packets, at);
    }
    this.connection.write(packets);
    this.gather();
  }

  private acknowledgeFirst(queue: AckQueue, packets: Buffer, at: number): number {
    const message = queue.shift()!;
    message.is_queued = false;
    this.unwritten -= 1;
    this.unacknowledged[message.packet_id] = 0;
    this.release(message);
    return writeAcknowledgement(packets, at, queue.header, message.packet_id);
  }

  /** Connections that break again and again must not pile up messages that the broker never sends again. */
  private boundCarriedOver(): void {
    const { limits } = this.deps;
    let bytes = 0;
    for (const message of this.carried_over.values()) bytes += message.bytes;
    for (const [packet_id, message] of this.carried_over) {
      if (this.carried_over.size <= limits.messages && bytes <= limits.bytes) return;
      bytes -= message.bytes;
      this.carried_over.delete(packet_id);
    }
  }
}

function writeAcknowledgement(into: Buffer, at: number, header: number, packet_id: number): number {
  into[at] = header >> 8;
  into[at + 1] = header & 0xff;
  into[at + 2] = packet_id >> 8;
  into[at + 3] = packet_id & 0xff;
  return at + ACKNOWLEDGEMENT_BYTES;
}

class ReceivedMessage implements IncomingMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly duplicate: boolean;
  readonly properties: MessageProperties;
  readonly subscription_identifiers: SubscriptionIdentifiers;
  readonly received_at_ms: number;
  readonly packet_id: number;
  readonly bytes: number;
  is_settled = false;
  /** Its acknowledgement is to be written on the present connection. */
  is_queued = false;
  /** It no longer counts as held. */
  is_released = false;
  /** A repeat of a QoS 2 message that was settled before: only to be acknowledged. */
  is_repeat = false;

  constructor(
    private readonly session: ReceiverSession,
    packet: PublishPacket,
    readonly connection: string,
  ) {
    this.topic = packet.topic;
    // A small view on a large read would keep all of it in memory for as long as the message runs.
    this.payload =
      packet.payload.length * 2 < packet.payload.buffer.byteLength ? Buffer.from(packet.payload) : packet.payload;
    this.qos = packet.qos;
    this.retain = packet.retain;
    this.duplicate = packet.duplicate;
    this.properties = packet.properties;
    this.subscription_identifiers = packet.subscription_identifiers;
    this.received_at_ms = Date.now();
    this.packet_id = packet.packet_id;
    this.bytes = packet.payload.length + packet.topic.length + OVERHEAD_BYTES;
  }

  static settledRepeat(session: ReceiverSession, packet: PublishPacket, connection: string): ReceivedMessage {
    const message = new ReceivedMessage(session, packet, connection);
    message.is_settled = true;
    message.is_released = true;
    message.is_repeat = true;
    return message;
  }

  /** The connection without the number of its lane. */
  get broker(): string {
    return this.connection.replace(/#\d+$/, '');
  }

  settle(): void {
    if (this.is_settled) return;
    this.is_settled = true;
    this.session.settled(this);
  }
}

/** Messages of one QoS in order of receipt. Taking from the front is O(1), also with many in it. */
class AckQueue {
  private messages: (ReceivedMessage | undefined)[] = [];
  private head = 0;

  /** `header`: the first two bytes of the acknowledgement. */
  constructor(readonly header: number) {}

  push(message: ReceivedMessage): void {
    this.messages.push(message);
  }

  first(): ReceivedMessage | undefined {
    return this.messages[this.head];
  }

  shift(): ReceivedMessage | undefined {
    const message = this.messages[this.head];
    this.messages[this.head] = undefined;
    this.head += 1;
    if (this.head === this.messages.length) {
      this.messages = [];
      this.head = 0;
    } else if (this.head > 1024 && this.head * 2 > this.messages.length) {
      this.messages = this.messages.slice(this.head);
      this.head = 0;
    }
    return message;
  }

  /** How many from the front are settled. */
  settledPrefix(): number {
    let at = this.head;
    while (at < this.messages.length && this.messages[at]!.is_settled) at += 1;
    return at - this.head;
  }

  drain(): ReceivedMessage[] {
    const rest = this.messages.slice(this.head) as ReceivedMessage[];
    this.messages = [];
    this.head = 0;
    return rest;
  }
}
