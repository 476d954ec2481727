/** Bytes that grow; numbers as LEB128, texts once and by number from then on. */
export class ByteWriter {
  private bytes: Buffer;
  private at = 0;
  private readonly known = new Map<string, number>();

  constructor(expected_bytes: number) {
    this.bytes = Buffer.allocUnsafe(Math.max(256, expected_bytes));
  }

  get length(): number {
    return this.at;
  }

  byte(value: number): void {
    this.need(1);
    this.bytes[this.at++] = value;
  }

  /** A whole number from 0 to 2^53. */
  count(value: number): void {
    this.need(8);
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.at++] = rest;
  }

  /** A whole number that may be negative. */
  difference(value: number): void {
    this.count(value < 0 ? -value * 2 - 1 : value * 2);
  }

  blob(bytes: Buffer): void {
    this.count(bytes.length);
    this.need(bytes.length);
    bytes.copy(this.bytes, this.at);
    this.at += bytes.length;
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.count(length);
    this.need(length);
    this.at += this.bytes.write(value, this.at);
  }

  /** A text that comes again and again. */
  name(value: string): void {
    const number = this.known.get(value);
    if (number !== undefined) {
      this.count(number);
      return;
    }
    this.count(this.known.size);
    this.known.set(value, this.known.size);
    this.text(value);
  }

  optionalName(value: string | null): void {
    this.byte(value === null ? 0 : 1);
    if (value !== null) this.name(value);
  }

  finish(): Buffer {
    return this.bytes.subarray(0, this.at);
  }

  private need(length: number): void {
    if (this.at + length <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.at + length));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }
}
