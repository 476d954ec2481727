import { handled, noContent, ok, type Route, route } from '../../http/route';
import { ProductParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import {
  ArchiveUsageView,
  MessageDetailView,
  MessageFilterQuery,
  MessageParams,
  MessageQuery,
  MessagesView,
  TopicQuery,
  TopicTreeView,
} from './message.dto';
import type { MessageService } from './message.service';
import type { MessageTail } from './message-tail';
import { MAX_PACKED_BYTES, type SegmentIntake } from './segment-intake';
import type { TopicTreeService } from './topic-tree.service';

const LIST = '/api/v1/products/{product_id}/messages';
const tag = 'Messages';
const VIEWER = { kind: 'role', role: 'viewer' } as const;
/** What is in messages stays out of every cache. */
const PRIVATE = { 'Cache-Control': 'no-store' };

export function messageRoutes({
  messages,
  topicTree,
  tail,
  intake,
}: {
  messages: MessageService;
  topicTree: TopicTreeService;
  tail: MessageTail;
  intake: SegmentIntake;
}): Route[] {
  return [
    route({
      method: 'get',
      path: LIST,
      operation_id: 'searchMessages',
      summary: 'Recorded messages, newest first',
      description:
        'A search looks through 2 s or 64 MB at a time: it answers what it has found and how far it has looked, and ' +
        'continues from `next_cursor`. `text` and `where` require the right to read payloads.',
      tag,
      access: VIEWER,
      params: ProductParams,
      query: MessageQuery,
      response: MessagesView,
      handler: async (context) => {
        const { params, query, response, principal } = context;
        const gone = new AbortController();
        response.once('close', () => gone.abort());
        const reader = { principal, actor: actorOf(context) };
        return ok(await messages.search(params.product_id, query, reader, gone.signal), PRIVATE);
      },
    }),
    // Before `{message_id}`: the first route that matches answers.
    route({
      method: 'get',
      path: `${LIST}/usage`,
      operation_id: 'getArchiveUsage',
      summary: 'How much is recorded, and since when',
      tag,
      access: VIEWER,
      params: ProductParams,
      response: ArchiveUsageView,
      handler: async ({ params }) => ok(await messages.usage(params.product_id)),
    }),
    route({
      method: 'get',
      path: `${LIST}/stream`,
      operation_id: 'streamMessages',
      event_stream: '`messages`: `items` (MessageView) and `left_out`.',
      summary: 'Messages as they are recorded, as server-sent events',
      description:
        '`event: messages` with `items` and `left_out`: at most 20 a second are shown, and the others are counted.',
      tag,
      access: VIEWER,
      params: ProductParams,
      query: MessageFilterQuery,
      limit: 'streams',
      handler: async (context) => {
        const { params, query, principal, response } = context;
        const { product_id } = params;
        const reader = { principal, actor: actorOf(context) };
        await messages.mustExist(product_id);
        messages.check(query, reader);
        await messages.audited(product_id, query, reader);
        await tail.follow(product_id, query, response, (found) => messages.reading(found, reader));
        return handled();
      },
    }),
    route({
      method: 'get',
      path: `${LIST}/{message_id}`,
      summary: 'Everything of one message: content, properties, deliveries with their attempts',
      tag,
      access: VIEWER,
      params: MessageParams,
      response: MessageDetailView,
      handler: async (context) => {
        const { params, principal } = context;
        const reader = { principal, actor: actorOf(context) };
        return ok(await messages.read(params.product_id, params.message_id, reader), PRIVATE);
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/products/{product_id}/topics',
      operation_id: 'listTopics',
      summary: 'The topics that were seen, one level at a time',
      tag,
      access: VIEWER,
      params: ProductParams,
      query: TopicQuery,
      response: TopicTreeView,
      handler: async ({ params, query, principal }) => {
        await messages.mustExist(params.product_id);
        return ok(await topicTree.below(params.product_id, query.below ?? '', principal), PRIVATE);
      },
    }),
    route({
      method: 'post',
      path: '/internal/v1/message-segments',
      operation_id: 'storeMessageSegment',
      summary: 'Recorded messages of a listener, as one packed segment',
      description: 'Idempotent by the id of the segment.',
      tag: 'Internal',
      access: { kind: 'listener' },
      binary_body: { max_bytes: MAX_PACKED_BYTES },
      status: 204,
      handler: async ({ principal, bytes }) => {
        await intake.take(principal.product_id, bytes);
        return noContent();
      },
    }),
  ];
}
