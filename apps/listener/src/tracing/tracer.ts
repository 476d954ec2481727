import type { Delivery } from '../pipeline/delivery';
import type { RecordedEvent } from '../pipeline/message-record';
import type { PipelineMessage } from '../pipeline/pipeline-message';
import { DeliveryTrace, type TraceOrigin } from './delivery-trace';
import type { Sampler } from './sampler';
import type { SpanExporter } from './span-exporter';
import { parseTraceparent, publishersContext, SAMPLED } from './trace-context';
import { createTraceIds } from './trace-ids';

/** Bit of `trace-flags`: the trace id is random (Trace Context level 2). */
const RANDOM = 2;

/** Gives each delivery its place in a trace, and what is wanted of it to the exporter. */
export class Tracer {
  private readonly ids = createTraceIds();
  private readonly newSpanId = (): string => this.ids.spanId();

  constructor(private readonly deps: { sampler: Sampler; exporter: Pick<SpanExporter, 'add'> }) {}

  /** Of a new message: all its deliveries are in one trace. */
  originOf(message: PipelineMessage): TraceOrigin {
    const publisher = publishersContext(message.properties.user_properties);
    // A replay is no part of what happened then.
    if (message.replay) return this.newTrace(publisher);
    if (publisher === null) return this.newTrace(null);
    const is_sampled = this.deps.sampler(publisher, publisher.trace_id);
    const flags = is_sampled ? publisher.flags | SAMPLED : publisher.flags & ~SAMPLED;
    return {
      trace_id: publisher.trace_id,
      parent: publisher,
      link: null,
      is_resumed: false,
      flags,
      state: publisher.state,
    };
  }

  /** Of a delivery that comes back from the queue: in the trace that it began in, linked to the run before. */
  resumed(message: PipelineMessage, before: string | null): TraceOrigin {
    const link = before === null ? null : parseTraceparent(before);
    if (link === null) return this.originOf(message);
    const publisher = publishersContext(message.properties.user_properties);
    const parent = publisher?.trace_id === link.trace_id ? publisher : null;
    const state = parent?.state ?? null;
    return { trace_id: link.trace_id, parent, link, is_resumed: true, flags: link.flags, state };
  }

  begin(origin: TraceOrigin, began_ms: number): DeliveryTrace {
    return new DeliveryTrace(origin, this.ids.spanId(), this.newSpanId, began_ms);
  }

  ended(delivery: Delivery, event: RecordedEvent): void {
    const { trace } = delivery;
    if (trace === null) return;
    if (event === 'dead' || event === 'failed') trace.fails();
    if (trace.isWanted) this.deps.exporter.add(delivery, trace, event);
  }

  private newTrace(link: TraceOrigin['link']): TraceOrigin {
    const trace_id = this.ids.traceId();
    const is_sampled = this.deps.sampler(null, trace_id);
    const flags = is_sampled ? RANDOM | SAMPLED : RANDOM;
    return { trace_id, parent: null, link, is_resumed: false, flags, state: null };
  }
}
