import { Duplex } from 'node:stream';
import type { ProtocolVersion } from '@cortex-mqtt/contracts';
import { ProtocolFault, readPublish } from './publish-packet';
import type { ReceiverConnection, ReceiverSession } from './receiver-session';

const CONNACK = 2;
const PUBLISH = 3;
const PUBREL = 6;
const MALFORMED_PACKET = 0x81;
const PACKET_TOO_LARGE = 0x95;
/** What four bytes of remaining length can say (MQTT 5, 1.5.5). */
const LARGEST_PACKET_BYTES = 268_435_455 + 5;

/** PUBLISHes that were read while the receiver was full. Beyond this the socket is not read. */
const READ_AHEAD_BYTES = 1024 * 1024;

/**
 * Stands between the socket and mqtt.js. PUBLISH and PUBREL go to the receiver, every other packet to mqtt.js, which
 * so never sees a message, never acknowledges one, and is never kept from its PINGRESP or SUBACK by one. Bytes that
 * mqtt.js and the receiver write leave in the order of writing, whole packets each.
 *
 * When the receiver is full, PUBLISHes are held in order of receipt up to a bound while other packets go by; at the
 * bound the socket is no longer read, and TCP makes the broker wait.
 */
export class PacketTap extends Duplex implements ReceiverConnection {
  readonly name: string;
  readonly version: ProtocolVersion;
  /** Bytes read from the socket so far. */
  bytes_received = 0;
  private readonly transport: Duplex;
  private readonly receiver: ReceiverSession;
  private readonly max_packet_bytes: number;
  /** The start of a packet whose end has not been read. */
  private incomplete: Buffer[] = [];
  private incomplete_bytes = 0;
  /** Bytes that `incomplete` needs before looking at it again is worth it. */
  private wanted_bytes = 0;
  /** What is still to come of a packet that is discarded. */
  private passed_over_bytes = 0;
  private held: { bytes: Buffer; first_byte: number; start: number; end: number }[] = [];
  private held_from = 0;
  private held_bytes = 0;
  private is_transport_paused = false;

  constructor(deps: {
    transport: Duplex;
    receiver: ReceiverSession;
    name: string;
    version: ProtocolVersion;
    /** Largest PUBLISH that is taken; a larger one is acknowledged and passed over. */
    max_packet_bytes: number;
  }) {
    super({ allowHalfOpen: false });
    this.transport = deps.transport;
    this.receiver = deps.receiver;
    this.name = deps.name;
    this.version = deps.version;
    this.max_packet_bytes = deps.max_packet_bytes;
    this.receiver.attach(this);
    this.transport.on('data', (chunk: Buffer) => this.onBytes(chunk));
    this.transport.on('end', () => {
      this.receiver.detach(this);
      this.push(null);
    });
    this.transport.on('error', (error: Error) => this.onTransportEnded(error));
    this.transport.on('close', () => this.onTransportEnded());
  }

  /** The socket is not read because the receiver is full: silence says nothing about the link. */
  get is_withholding(): boolean {
    return this.is_transport_paused;
  }

  /** Before DISCONNECT: writes the acknowledgements that are due and takes nothing more. */
  finishReceiving(): void {
    if (!this.destroyed) this.receiver.finish(this);
  }

  onRoom(): void {
    if (this.destroyed) return;
    this.guard(() => {
      while (this.held_from < this.held.length) {
        const packet = this.held[this.held_from]!;
        if (!this.offer(packet.bytes, packet.first_byte, packet.start, packet.end)) break;
        this.held_bytes -= packet.end - packet.start;
        this.held_from += 1;
      }
    });
    if (this.held_from === this.held.length) {
      this.held = [];
      this.held_from = 0;
    }
    if (this.is_transport_paused && this.held_bytes <= READ_AHEAD_BYTES / 2) {
      this.is_transport_paused = false;
      this.transport.resume();
    }
  }

  override _read(): void {
    // Packets for mqtt.js are few; they are pushed when they come.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.transport.write(chunk, done);
  }

  /** mqtt.js writes a packet as several chunks and corks meanwhile: they leave as one segment. */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.transport.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.transport.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.receiver.detach(this);
    this.held = [];
    this.incomplete = [];
    this.transport.destroy();
    done(error);
  }

  /** The last packet may say why, a DISCONNECT: mqtt.js has it one turn later. */
  private onTransportEnded(error?: Error): void {
    this.receiver.detach(this);
    setImmediate(() => this.destroy(error));
  }

  private onBytes(chunk: Buffer): void {
    if (this.destroyed) return;
    this.bytes_received += chunk.length;
    let bytes = chunk;
    if (this.passed_over_bytes > 0) {
      const passed = Math.min(this.passed_over_bytes, bytes.length);
      this.passed_over_bytes -= passed;
      bytes = bytes.subarray(passed);
      if (bytes.length === 0) return;
    }
    if (this.incomplete_bytes > 0) {
      this.incomplete.push(bytes);
      this.incomplete_bytes += bytes.length;
      if (this.incomplete_bytes < this.wanted_bytes) return;
      bytes = Buffer.concat(this.incomplete, this.incomplete_bytes);
      this.incomplete = [];
      this.incomplete_bytes = 0;
    }
    this.guard(() => this.readPackets(bytes));
  }

  private readPackets(bytes: Buffer): void {
    const { length } = bytes;
    let at = 0;
    while (at < length) {
      // Remaining length: one to four bytes, seven bits each (MQTT 5, 1.5.5).
      let start = at + 1;
      let remaining = 0;
      for (let shift = 0; ; shift += 7) {
        if (start >= length) {
          this.keepIncomplete(bytes, at, length - at + 1);
          return;
        }
        if (shift > 21) throw new ProtocolFault('remaining length of more than four bytes', MALFORMED_PACKET);
        const byte = bytes[start]!;
        start += 1;
        remaining |= (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      const end = start + remaining;
      if (end - at > this.max_packet_bytes && bytes[at]! >> 4 === PUBLISH) {
        if (!this.discard(bytes, at, start, end)) return;
        at = end;
        continue;
      }
      if (end - at > LARGEST_PACKET_BYTES) {
        throw new ProtocolFault(`packet of ${end - at} bytes, ${LARGEST_PACKET_BYTES} are allowed`, PACKET_TOO_LARGE);
      }
      if (end > length) {
        this.keepIncomplete(bytes, at, end - at);
        return;
      }
      this.takePacket(bytes, at, start, end);
      if (this.destroyed) return;
      at = end;
    }
  }

  /** Reads what is needed to acknowledge a PUBLISH and passes over the rest; false when all bytes there are were used up. */
  private discard(bytes: Buffer, at: number, start: number, end: number): boolean {
    const { length } = bytes;
    if (start + 2 > length) {
      this.keepIncomplete(bytes, at, start + 2 - at);
      return false;
    }
    const has_id = (bytes[at]! & 0b110) !== 0;
    const topic_end = start + 2 + ((bytes[start]! << 8) | bytes[start + 1]!);
    const header_end = topic_end + (has_id ? 2 : 0);
    if (header_end > end) throw new ProtocolFault('topic of a PUBLISH is longer than the packet', MALFORMED_PACKET);
    if (header_end > length) {
      this.keepIncomplete(bytes, at, header_end - at);
      return false;
    }
    // As a packet of 3.1.1 without a payload: its properties are of no interest.
    this.receiver.discard(this, readPublish(bytes, bytes[at]!, start, header_end, 4), end - at);
    this.passed_over_bytes = Math.max(0, end - length);
    return end <= length;
  }

  private keepIncomplete(bytes: Buffer, at: number, wanted_bytes: number): void {
    const rest = at === 0 ? bytes : bytes.subarray(at);
    this.incomplete = [rest];
    this.incomplete_bytes = rest.length;
    this.wanted_bytes = wanted_bytes;
  }

  private takePacket(bytes: Buffer, at: number, start: number, end: number): void {
    const first_byte = bytes[at]!;
    switch (first_byte >> 4) {
      case PUBLISH:
        if (this.held.length > 0 || !this.offer(bytes, first_byte, start, end)) {
          this.hold({ bytes, first_byte, start, end });
        }
        return;
      case PUBREL:
        if (end - start < 2) throw new ProtocolFault('PUBREL without its packet identifier', MALFORMED_PACKET);
        this.receiver.releaseReceived(this, (bytes[start]! << 8) | bytes[start + 1]!);
        return;
      case CONNACK:
        // Before mqtt.js tells of it, messages of the session may already follow in the same read.
        if (end - start < 2) throw new ProtocolFault('CONNACK too short', MALFORMED_PACKET);
        if (bytes[start + 1] === 0) this.receiver.sessionBegan(this, { session_present: (bytes[start]! & 1) === 1 });
        this.push(bytes.subarray(at, end));
        return;
      default:
        this.push(bytes.subarray(at, end));
    }
  }

  private offer(bytes: Buffer, first_byte: number, start: number, end: number): boolean {
    return this.receiver.offer(this, readPublish(bytes, first_byte, start, end, this.version)) === 'taken';
  }

  private hold(packet: { bytes: Buffer; first_byte: number; start: number; end: number }): void {
    this.held.push(packet);
    this.held_bytes += packet.end - packet.start;
    if (!this.is_transport_paused && this.held_bytes > READ_AHEAD_BYTES) {
      this.is_transport_paused = true;
      this.transport.pause();
    }
  }

  /** A broker that breaks the protocol is told why (MQTT 5, 4.13.1) and left. */
  private guard(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof ProtocolFault)) throw error;
      if (this.version === 5) this.transport.write(Buffer.from([0xe0, 1, error.reason_code]));
      this.destroy(error);
    }
  }
}
