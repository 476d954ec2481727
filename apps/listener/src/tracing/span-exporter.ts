import type { Context, Link, SpanContext, Tracer as OtelTracer } from '@opentelemetry/api';
import type { Logger } from '@cortex-mqtt/observability';
import { waitAtMost } from '@cortex-mqtt/contracts';
import type { BasicTracerProvider, ReadableSpan, SpanExporter as Sdk } from '@opentelemetry/sdk-trace-base';
import type { Delivery } from '../pipeline/delivery';
import type { RecordedEvent } from '../pipeline/message-record';
import type { AttemptTrace, DeliveryTrace } from './delivery-trace';
import { openTelemetry } from './on-demand';
import { attemptAttributes, deliveryAttributes, MAX_VALUE_CHARS, topicTemplate } from './span-attributes';
import { SAMPLED, type TraceContext } from './trace-context';

/** Spans that wait to be exported or are under way; the ones beyond are left out and counted. */
const MAX_PENDING = 4_096;
const BATCH = 512;
const EXPORT_EVERY_MS = 1_000;
const EXPORT_LIMIT_MS = 10_000;
/** SpanKind of the API, which is not loaded when this module is. */
const KIND = { internal: 0, client: 2, producer: 3, consumer: 4 } as const;
const STATUS_ERROR = 2;
const KIND_OF_ACTION: Record<string, (typeof KIND)[keyof typeof KIND]> = {
  webhook: KIND.client,
  postgres: KIND.client,
  publish: KIND.producer,
  queue: KIND.producer,
};

export interface SpanExporterOptions {
  /** Base address of a collector; `/v1/traces` is added (OTLP/HTTP with protobuf). */
  endpoint: string;
  headers: Record<string, string>;
  /** Of the resource, as `service.name`. */
  resource: Record<string, string>;
  version: string;
  product(): string;
  logger: Pick<Logger, 'warn' | 'info'>;
}

/**
 * Deliveries become spans of the OpenTelemetry SDK, which batches and sends them. Everything here is bounded and off the hot
 * path: only what is wanted comes here, at the end of its delivery.
 */
export class SpanExporter {
  exported = 0;
  /** No room, or the collector did not take them. */
  dropped = 0;
  private made = 0;
  private finished = 0;
  private is_failing = false;
  private readonly provider: BasicTracerProvider;
  private readonly tracer: OtelTracer;
  private readonly otel = openTelemetry();
  /** Ids for the span that is just being made: they were given out while its delivery ran. */
  private next = { trace_id: '', span_id: '' };

  constructor(private readonly options: SpanExporterOptions) {
    const { sdk, resources, otlp } = this.otel;
    const sender = new otlp.OTLPTraceExporter({
      url: `${options.endpoint.replace(/\/+$/, '')}/v1/traces`,
      headers: options.headers,
      timeoutMillis: EXPORT_LIMIT_MS,
    });
    this.provider = new sdk.BasicTracerProvider({
      resource: resources.resourceFromAttributes(options.resource),
      // What comes here has been decided about.
      sampler: new sdk.AlwaysOnSampler(),
      spanLimits: { attributeValueLengthLimit: MAX_VALUE_CHARS },
      idGenerator: { generateTraceId: () => this.next.trace_id, generateSpanId: () => this.next.span_id },
      spanProcessors: [
        new sdk.BatchSpanProcessor(this.counted(sender), {
          maxQueueSize: MAX_PENDING,
          maxExportBatchSize: BATCH,
          scheduledDelayMillis: EXPORT_EVERY_MS,
          exportTimeoutMillis: EXPORT_LIMIT_MS + 1_000,
        }),
      ],
    });
    this.tracer = this.provider.getTracer('cortex-mqtt', options.version);
  }

  add(delivery: Delivery, trace: DeliveryTrace, event: RecordedEvent): void {
    const count = trace.attempts.length + 1;
    if (this.made - this.finished + count > MAX_PENDING) {
      this.dropped += count;
      return;
    }
    this.made += count;
    const { api } = this.otel;
    const { parent, link } = trace.origin;
    const root = parent === null ? api.ROOT_CONTEXT : this.within(parent);
    const links: Link[] = link === null ? [] : [{ context: this.spanContext(link) }];
    this.next = { trace_id: trace.trace_id, span_id: trace.span_id };
    const span = this.tracer.startSpan(
      `process ${topicTemplate(delivery.subscription.definition)}`,
      {
        kind: KIND.consumer,
        startTime: trace.began_ms,
        links,
        root: parent === null,
        attributes: deliveryAttributes(delivery, trace, { event, product: this.options.product() }),
      },
      root,
    );
    for (const attempt of trace.attempts) this.addAttempt(attempt, api.trace.setSpan(api.ROOT_CONTEXT, span));
    if (event === 'dead' || event === 'failed') {
      span.setStatus({ code: STATUS_ERROR, message: (delivery.dead_reason ?? '').slice(0, MAX_VALUE_CHARS) });
    }
    span.end(trace.now());
  }

  /** Sends what is left, for at most `limit_ms`. */
  async stop(limit_ms: number): Promise<void> {
    await waitAtMost(
      limit_ms,
      this.provider.shutdown().catch((error: unknown) => this.failed(error)),
    );
  }

  private addAttempt(attempt: AttemptTrace, within: Context): void {
    const { action, began_ms, ended_ms, end } = attempt;
    // Neither was anything tried; the delivery's own span says what became of it.
    if (end === null || end.kind === 'skipped' || end.kind === 'deferred') {
      this.made -= 1;
      return;
    }
    const { name, attributes } = attemptAttributes(attempt);
    this.next = { trace_id: attempt.trace_id, span_id: attempt.span_id };
    const kind = KIND_OF_ACTION[action.type] ?? KIND.internal;
    const span = this.tracer.startSpan(name, { kind, startTime: began_ms, attributes }, within);
    if (end.kind === 'failed') {
      span.setStatus({ code: STATUS_ERROR, message: (end.error ?? '').slice(0, MAX_VALUE_CHARS) });
    }
    span.end(ended_ms ?? began_ms);
  }

  private within(parent: TraceContext): Context {
    const { api } = this.otel;
    return api.trace.setSpanContext(api.ROOT_CONTEXT, this.spanContext(parent));
  }

  private spanContext({ trace_id, span_id, flags, state }: TraceContext): SpanContext {
    const { api } = this.otel;
    return {
      traceId: trace_id,
      spanId: span_id,
      traceFlags: flags & SAMPLED,
      isRemote: true,
      ...(state === null ? {} : { traceState: api.createTraceState(state) }),
    };
  }

  /** The SDK keeps no count that can be asked for. */
  private counted(sender: Sdk): Sdk {
    return {
      export: (spans: ReadableSpan[], done) =>
        sender.export(spans, (result) => {
          this.finished += spans.length;
          if (result.code === 0) {
            this.exported += spans.length;
            this.worksAgain();
          } else {
            this.dropped += spans.length;
            this.failed(result.error);
          }
          done(result);
        }),
      shutdown: () => sender.shutdown(),
      forceFlush: () => sender.forceFlush?.() ?? Promise.resolve(),
    };
  }

  private failed(error: unknown): void {
    if (this.is_failing) return;
    this.is_failing = true;
    this.options.logger.warn('traces can not be exported; deliveries are not touched by it', { error });
  }

  private worksAgain(): void {
    if (!this.is_failing) return;
    this.is_failing = false;
    this.options.logger.info('traces are exported again');
  }
}
