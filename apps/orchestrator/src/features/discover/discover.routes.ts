import { isUtf8 } from 'node:buffer';
import type { BrokerConnection } from '@cortex-mqtt/contracts';
import { type DiscoverReport, type DiscoverRequest, isShared, topicFilterFaults } from '@cortex-mqtt/mqtt';
import { ValidationError } from '../../http/app-error';
import { openEventStream, sendEvent } from '../../http/event-stream';
import { handled, type Route, route } from '../../http/route';
import { ProductParams } from '../../http/route-params';
import type { BrokerDto } from '../brokers/broker-settings.dto';
import { DiscoverDto } from './discover.dto';

const DEFAULT_SECONDS = 10;

export interface DiscoverDeps {
  /** The product's primary broker with what is given in place of what is stored. */
  brokerFor(product_id: number, dto: BrokerDto): Promise<BrokerConnection>;
  discover(request: DiscoverRequest): Promise<void>;
}

/** Topics that are on a broker, before anything is subscribed to. */
export function discoverRoutes({ brokerFor, discover }: DiscoverDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/products/{product_id}/mqtt-config/discover',
      operation_id: 'discoverTopics',
      event_stream: '`topics` once a second with what has changed, then `end`, or `failed` with a `reason`.',
      summary: 'Listen for a while and stream the topics that are seen',
      description:
        'On a connection of its own, from the orchestrator, also before anything is saved. Server-sent events: `topics` once a ' +
        'second with what has changed, then `end`, or `failed` with a `reason`.',
      tag: 'MQTT configuration',
      access: { kind: 'role', role: 'operator' },
      params: ProductParams,
      body: DiscoverDto,
      limit: 'streams',
      handler: async ({ params, body, response }) => {
        const faults = isShared(body.filter) ? ['must be a filter without $share'] : topicFilterFaults(body.filter);
        if (faults.length > 0) throw new ValidationError(faults.map((message) => ({ field: 'filter', message })));
        const broker = await brokerFor(params.product_id, body.broker ?? {});
        const gone = new AbortController();
        response.once('close', () => gone.abort());
        openEventStream(response);
        try {
          await discover({
            broker,
            filter: body.filter,
            seconds: body.seconds ?? DEFAULT_SECONDS,
            signal: gone.signal,
            onReport: (report) => {
              if (!gone.signal.aborted) sendEvent(response, 'topics', present(report));
            },
          });
          sendEvent(response, 'end', {});
        } catch (error) {
          sendEvent(response, 'failed', { reason: error instanceof Error ? error.message : String(error) });
        }
        response.end();
        return handled();
      },
    }),
  ];
}

function present({ topics, ...report }: DiscoverReport) {
  return {
    ...report,
    topics: topics.map(({ example, ...topic }) => ({
      ...topic,
      example: isUtf8(example) ? example.toString('utf8') : null,
    })),
  };
}
