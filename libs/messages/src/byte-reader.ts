/** The bytes are no segment, or were cut off. */
export class SegmentFormatError extends Error {
  override readonly name = 'SegmentFormatError';
}

/** Reads what ByteWriter wrote. Throws SegmentFormatError instead of reading beyond the end. */
export class ByteReader {
  private at = 0;
  private readonly known: string[] = [];

  constructor(private readonly bytes: Buffer) {}

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  byte(): number {
    this.need(1);
    return this.bytes[this.at++] as number;
  }

  count(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if ((byte & 0x80) === 0) {
        if (value > Number.MAX_SAFE_INTEGER) throw new SegmentFormatError('a number is too large');
        return value;
      }
    }
    throw new SegmentFormatError('a number is too long');
  }

  difference(): number {
    const value = this.count();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A view, not a copy. */
  blob(): Buffer {
    const length = this.count();
    this.need(length);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  text(): string {
    return this.blob().toString('utf8');
  }

  name(): string {
    const number = this.count();
    if (number > this.known.length) throw new SegmentFormatError('a text is referred to before it came');
    if (number === this.known.length) this.known.push(this.text());
    return this.known[number] as string;
  }

  optionalName(): string | null {
    return this.byte() === 0 ? null : this.name();
  }

  private need(length: number): void {
    if (this.at + length > this.bytes.length) throw new SegmentFormatError('the segment ends too early');
  }
}
