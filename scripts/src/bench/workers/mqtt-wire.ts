/** The few MQTT packets that load and stub broker write, encoded without a library so that they cost next to nothing. */

export const PACKET = { connect: 1, publish: 3, puback: 4, subscribe: 8, unsubscribe: 10, pingreq: 12 } as const;

function variableByteInteger(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    const more = rest > 0x7f;
    bytes.push((rest & 0x7f) | (more ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.from(bytes);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

function packet(first_byte: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([first_byte]), variableByteInteger(body.length), body]);
}

/** CONNECT of MQTT 3.1.1 with a clean session. */
export function connectPacket(client_id: string): Buffer {
  return packet(0x10, text('MQTT'), Buffer.from([4, 0x02, 0, 0]), text(client_id));
}

/** PUBLISH with QoS 1 and where its packet identifier stands. `identifier` 0: none; null: MQTT 3.1.1. */
export function publishPacket(
  topic: string,
  payload: Buffer,
  identifier: number | null,
): { bytes: Buffer; id_at: number } {
  const properties =
    identifier === null
      ? Buffer.alloc(0)
      : identifier === 0
        ? Buffer.from([0])
        : withLength(Buffer.concat([Buffer.from([0x0b]), variableByteInteger(identifier)]));
  const bytes = packet(0x32, text(topic), Buffer.from([0, 0]), properties, payload);
  return { bytes, id_at: bytes.length - payload.length - properties.length - 2 };
}

const withLength = (properties: Buffer): Buffer => Buffer.concat([variableByteInteger(properties.length), properties]);

export function connackPacket(version: number): Buffer {
  return version === 5 ? packet(0x20, Buffer.from([0, 0, 0])) : packet(0x20, Buffer.from([0, 0]));
}

/** SUBACK that grants QoS 1 to each filter, or UNSUBACK. */
export function subackPacket(first_byte: number, id: number, count: number, version: number): Buffer {
  const properties = version === 5 ? [Buffer.from([0])] : [];
  const codes = first_byte === 0xb0 ? (version === 5 ? Buffer.alloc(count) : Buffer.alloc(0)) : Buffer.alloc(count, 1);
  return packet(first_byte, Buffer.from([id >> 8, id & 0xff]), ...properties, codes);
}

export const PINGRESP = Buffer.from([0xd0, 0]);

/** Reads variable byte integers and lengths of text in order. */
export class PacketReader {
  constructor(
    private readonly bytes: Buffer,
    public at: number,
  ) {}

  byte(): number {
    return this.bytes[this.at++]!;
  }

  uint16(): number {
    return (this.byte() << 8) | this.byte();
  }

  text(): string {
    const length = this.uint16();
    this.at += length;
    return this.bytes.toString('utf8', this.at - length, this.at);
  }

  variableByteInteger(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
}

/** Cuts a byte stream into packets. `onPacket` gets the first byte and where the content stands. */
export function packetSplitter(
  onPacket: (first_byte: number, bytes: Buffer, start: number, end: number) => void,
): (chunk: Buffer) => void {
  let rest: Buffer | null = null;
  return (chunk) => {
    const bytes = rest === null ? chunk : Buffer.concat([rest, chunk]);
    rest = null;
    let at = 0;
    while (at < bytes.length) {
      let start = at + 1;
      let length = 0;
      let shift = 0;
      let byte = 0x80;
      while (start < bytes.length && byte >= 0x80) {
        byte = bytes[start]!;
        length |= (byte & 0x7f) << shift;
        shift += 7;
        start += 1;
      }
      if (byte >= 0x80 || start + length > bytes.length) {
        rest = bytes.subarray(at);
        return;
      }
      onPacket(bytes[at]!, bytes, start, start + length);
      at = start + length;
    }
  };
}
