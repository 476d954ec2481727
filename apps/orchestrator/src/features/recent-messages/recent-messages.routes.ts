import { ok, type Route, route } from '../../http/route';
import { SubscriptionParams } from '../../http/route-params';
import { RecentMessagesQuery, RecentMessagesView } from './recent-messages.dto';
import type { RecentMessagesService } from './recent-messages.service';

export function recentMessagesRoutes({ recentMessages }: { recentMessages: RecentMessagesService }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/products/{product_id}/mqtt-config/subscriptions/{sub_id}/recent-messages',
      operation_id: 'listRecentMessages',
      summary: 'What a subscription received lately; or its next message',
      description:
        'Asked from the live listeners, which keep a sample in memory, payloads cut at 8 kB. With `wait_s` the answer ' +
        'comes with the next message, or empty when none came.',
      tag: 'Subscriptions',
      access: { kind: 'role', role: 'viewer', payloads: true },
      limit: 'waits',
      params: SubscriptionParams,
      query: RecentMessagesQuery,
      response: RecentMessagesView,
      handler: async ({ params, query, response }) => {
        const gone = new AbortController();
        response.once('close', () => gone.abort());
        return ok(await recentMessages.read(params, query, gone.signal), { 'Cache-Control': 'no-store' });
      },
    }),
  ];
}
