import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asProductId } from '@cortex-mqtt/contracts';
import { Pool } from '@cortex-mqtt/egress';
import {
  createDeliveryJournal,
  createDeliveryStore,
  createDeliverySurvey,
  createQueueBackend,
  type DeliveryJournal,
  type DeliveryStore,
  type QueueBackend,
  silentQueueLogger,
  type TypedWorker,
} from '@cortex-mqtt/queues';
import type { CompiledAction, CompiledPlan } from '../pipeline/compiled-plan';
import type { MessagePipeline, MessagePipelineDeps } from '../pipeline/message-pipeline';
import { buildPipeline } from '../pipeline/pipeline.testing';
import { createHandover, type Handover, type HandoverLimits } from './handover';
import { OrderGuard } from './order-guard';
import { ParkingLot } from './parking-lot';
import { Recall, type RecallDeps } from './recall';
import { startRetryWorker } from './retry-worker';

/** An HTTP server that notes what it got and answers as it is told. */
export interface Receiver {
  url: string;
  /** Bodies in order of arrival. */
  bodies: string[];
  answer: (request: IncomingMessage, body: string, response: ServerResponse) => void;
  /** Clients that end with it. */
  pools: Pool[];
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const receiver: Receiver = {
    url: '',
    bodies: [],
    answer: (_request, _body, response) => void response.end('ok'),
    pools: [],
    async close() {
      await Promise.all(receiver.pools.map((pool) => pool.destroy()));
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      receiver.bodies.push(body);
      receiver.answer(request, body, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return receiver;
}

/** Posts the payload; 410 is permanent, 429 says when to come again, other faults are transient. */
export function postAction(receiver: Receiver, id = 'a1', retry: CompiledAction['retry'] = {}): CompiledAction {
  const pool = new Pool(receiver.url, { connections: 256 });
  receiver.pools.push(pool);
  return {
    id,
    retry,
    run: async (delivery) => {
      try {
        const {
          statusCode: status,
          headers,
          body,
        } = await pool.request({
          path: '/',
          method: 'POST',
          body: delivery.message.payload,
        });
        const response_excerpt = (await body.text()).slice(0, 100);
        if (status < 300) return { kind: 'succeeded', status, response_excerpt };
        const retry_after_ms = headers['retry-after'] ? Number(headers['retry-after']) * 1_000 : null;
        return {
          kind: 'failed',
          permanent: status === 410,
          error: `HTTP ${status}`,
          status,
          response_excerpt,
          retry_after_ms,
        };
      } catch (error) {
        return { kind: 'failed', permanent: false, error: error instanceof Error ? error.message : String(error) };
      }
    },
  };
}

/** One listener's delivery engine: pipeline, handover and retry worker over a queue. */
export interface TestListener {
  pipeline: MessagePipeline & { dropped: string[] };
  handover: Handover;
  backend: QueueBackend;
  store: DeliveryStore;
  /** Jobs that its worker put back since their deliveries were still attempted here. */
  putBack: string[];
  /** Ends as a killed process does: nothing is finished, nothing is said. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

let boots = 0;

export function startListener(options: {
  url: string;
  product_id: number;
  plan: CompiledPlan;
  limits?: Partial<HandoverLimits>;
  pipeline?: Partial<MessagePipelineDeps>;
  withWorker?: boolean;
  /** New messages wait for older ones of their key that are in the queue. */
  guardsOrder?: boolean;
  queue_limit_ms?: number;
  recall?: Partial<Pick<RecallDeps, 'watch_every_ms' | 'search_every_ms'>>;
  /** Looks on, or gets in the way. */
  journal?: (real: DeliveryJournal) => DeliveryJournal;
}): TestListener {
  const { product_id, plan } = options;
  const backend = createQueueBackend({
    url: options.url,
    logger: silentQueueLogger,
    limit_ms: options.queue_limit_ms ?? 5_000,
  });
  const pipeline = buildPipeline({ plan, ...options.pipeline });
  boots += 1;
  const parking = new ParkingLot();
  const survey = createDeliverySurvey({ backend, product_id: asProductId(product_id) });
  const recall: Recall = new Recall({
    survey,
    parking,
    resumeHere: (destination, limit) => handover.resumeParked(destination, limit),
    logger: silentQueueLogger,
    ...options.recall,
  });
  const journal = createDeliveryJournal({ backend, product_id: asProductId(product_id) });
  const handover: Handover = createHandover({
    journal: options.journal?.(journal) ?? journal,
    engine: pipeline.engine,
    product_id,
    handover_after_ms: () => pipeline.plan()?.handover_after_ms ?? 20,
    boot_id: `boot${boots}`,
    deliveryId: (delivery) => `${delivery.message_id}/${delivery.runtime.id}`,
    parking,
    recall,
    logger: silentQueueLogger,
    limits: options.limits,
  });
  pipeline.useOverflow(handover);
  const orderGuard = new OrderGuard({
    survey,
    isOwn: (job_id) => handover.claimOn(job_id) !== 'free',
    onReleased: (subscription_id, key) => pipeline.releaseKey(subscription_id, key),
    logger: silentQueueLogger,
  });
  if (options.guardsOrder) {
    pipeline.useKeyHold((subscription_id, key) => orderGuard.holds(subscription_id, key));
    orderGuard.begin();
  }
  let worker: TypedWorker | null = null;
  const putBack: string[] = [];
  if (options.withWorker !== false) {
    worker = startRetryWorker({
      ...{ backend, product_id, pipeline, recall, orderGuard, logger: silentQueueLogger },
      claimOn: (job_id) => {
        const claim = handover.claimOn(job_id);
        if (claim === 'attempting') putBack.push(job_id);
        return claim;
      },
    });
  }
  return {
    pipeline,
    handover,
    backend,
    putBack,
    store: createDeliveryStore({ backend, product_id: asProductId(product_id) }),
    async kill() {
      pipeline.useOverflow({
        watch: () => undefined,
        offer: () => undefined,
        park: () => null,
        looked: () => undefined,
        withdraw: () => false,
        bury: () => undefined,
        finished: () => undefined,
      });
      handover.abandon();
      orderGuard.end();
      await worker?.close(0);
      await backend.close();
    },
    async stop() {
      orderGuard.end();
      await worker?.close();
      await handover.stop();
      await backend.close();
    },
  };
}
