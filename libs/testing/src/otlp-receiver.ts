import { startHttpReceiver, type HttpReceiver } from './http-receiver';
import { waitFor } from './wait-for';

export type AttributeValue = string | number | boolean | null;

/** A span as a collector gets it. Ids are hexadecimal; times are milliseconds since the epoch. */
export interface ReceivedSpan {
  trace_id: string;
  span_id: string;
  /** Empty = none. */
  parent_span_id: string;
  name: string;
  kind: number;
  start_ms: number;
  end_ms: number;
  attributes: Record<string, AttributeValue>;
  links: { trace_id: string; span_id: string }[];
  status: { code: number; message: string };
  trace_state: string;
  resource: Record<string, AttributeValue>;
}

export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  url: string;
  http: HttpReceiver;
  spans(): ReceivedSpan[];
  /** Waits until the spans are as wanted. */
  until(what: string, wanted: (spans: ReceivedSpan[]) => boolean, timeout_ms?: number): Promise<ReceivedSpan[]>;
  stop(): Promise<void>;
}

/** Takes traces by OTLP over HTTP with protobuf (opentelemetry-proto, `trace/v1/trace.proto`). */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const http = await startHttpReceiver();
  const spans = (): ReceivedSpan[] =>
    http.requests.filter(({ url }) => url === '/v1/traces').flatMap(({ body }) => readRequest(body));
  return {
    url: http.url,
    http,
    spans,
    until: (what, wanted, timeout_ms = 60_000) =>
      waitFor(() => wanted(spans()) && spans(), {
        timeout_ms,
        interval_ms: 50,
        message: () => `${what}; there are ${JSON.stringify(spans(), null, 1)}`,
      }),
    stop: () => http.stop(),
  };
}

type Field = { number: number; value: bigint | Buffer };

/** Fields of a protobuf message, in order. */
function* fieldsOf(bytes: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError('the message is cut off');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const number = key >> 3;
    switch (key & 7) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, value: bytes.readBigUInt64LE(at) };
        at += 8;
        break;
      case 2: {
        const length = Number(varint());
        yield { number, value: bytes.subarray(at, at + length) };
        at += length;
        break;
      }
      case 5:
        yield { number, value: BigInt(bytes.readUInt32LE(at)) };
        at += 4;
        break;
      default:
        throw new RangeError(`wire type ${key & 7} is not known`);
    }
  }
}

const bytesOf = ({ value }: Field): Buffer => value as Buffer;
const textOf = (field: Field): string => bytesOf(field).toString('utf8');
const hexOf = (field: Field): string => bytesOf(field).toString('hex');
const msOf = ({ value }: Field): number => Number((value as bigint) / 1_000n) / 1_000;

const only = (bytes: Buffer, number: number): Field[] =>
  [...fieldsOf(bytes)].filter((field) => field.number === number);

function readRequest(body: Buffer): ReceivedSpan[] {
  return only(body, 1).flatMap((field) => {
    const resource = attributesOf(only(bytesOf(field), 1).flatMap((of) => only(bytesOf(of), 1)));
    const scopes = only(bytesOf(field), 2);
    return scopes.flatMap((scope) => only(bytesOf(scope), 2)).map((span) => readSpan(bytesOf(span), resource));
  });
}

function readSpan(bytes: Buffer, resource: ReceivedSpan['resource']): ReceivedSpan {
  const span: ReceivedSpan = {
    ...{ trace_id: '', span_id: '', parent_span_id: '', name: '', kind: 0, start_ms: 0, end_ms: 0 },
    ...{ attributes: {}, links: [], status: { code: 0, message: '' }, trace_state: '', resource },
  };
  const attributes: Field[] = [];
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) span.trace_id = hexOf(field);
    else if (field.number === 2) span.span_id = hexOf(field);
    else if (field.number === 3) span.trace_state = textOf(field);
    else if (field.number === 4) span.parent_span_id = hexOf(field);
    else if (field.number === 5) span.name = textOf(field);
    else if (field.number === 6) span.kind = Number(field.value);
    else if (field.number === 7) span.start_ms = msOf(field);
    else if (field.number === 8) span.end_ms = msOf(field);
    else if (field.number === 9) attributes.push(field);
    else if (field.number === 13) span.links.push(readLink(bytesOf(field)));
    else if (field.number === 15) span.status = readStatus(bytesOf(field));
  }
  return { ...span, attributes: attributesOf(attributes) };
}

function readLink(bytes: Buffer): { trace_id: string; span_id: string } {
  const [trace_id, span_id] = [1, 2].map((number) => only(bytes, number).map(hexOf)[0] ?? '');
  return { trace_id: trace_id ?? '', span_id: span_id ?? '' };
}

function readStatus(bytes: Buffer): ReceivedSpan['status'] {
  const code = only(bytes, 3)[0]?.value;
  return { code: code === undefined ? 0 : Number(code), message: only(bytes, 2).map(textOf)[0] ?? '' };
}

function attributesOf(fields: Field[]): Record<string, AttributeValue> {
  return Object.fromEntries(
    fields.map((field) => {
      const key = only(bytesOf(field), 1).map(textOf)[0] ?? '';
      const [value] = only(bytesOf(field), 2).flatMap((any) => [...fieldsOf(bytesOf(any))]);
      return [key, anyValue(value)];
    }),
  );
}

/** AnyValue, as far as span attributes use it: string, bool, int, double. */
function anyValue(field: Field | undefined): AttributeValue {
  if (field === undefined) return null;
  if (field.number === 1) return textOf(field);
  if (field.number === 2) return field.value !== 0n;
  if (field.number === 3) return Number(BigInt.asIntN(64, field.value as bigint));
  if (field.number !== 4) return null;
  const double = Buffer.alloc(8);
  double.writeBigUInt64LE(field.value as bigint);
  return double.readDoubleLE();
}
