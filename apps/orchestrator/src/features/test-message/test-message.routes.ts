import { ok, type Route, route } from '../../http/route';
import { ProductParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import { TestMessageDto, TestMessageView } from './test-message.dto';
import type { TestMessageService } from './test-message.service';

export function testMessageRoutes({ testMessages }: { testMessages: TestMessageService }): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/v1/products/{product_id}/mqtt-config/test-message',
      operation_id: 'publishTestMessage',
      summary: 'Publish a message where the product listens',
      description:
        'A connected listener publishes it on its broker, never retained. It is a real message: subscriptions that match ' +
        'it run their actions, of this product and of whoever else listens there. 409 while no listener is connected.',
      tag: 'MQTT configuration',
      access: { kind: 'role', role: 'operator' },
      limit: 'connection_tests',
      params: ProductParams,
      body: TestMessageDto,
      response: TestMessageView,
      handler: async (context) =>
        ok(await testMessages.publish(context.params.product_id, context.body, actorOf(context))),
    }),
  ];
}
