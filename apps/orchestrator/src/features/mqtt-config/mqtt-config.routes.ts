import { expectedRevision, revisionTag } from '../../http/etag';
import { ok, type Route, route } from '../../http/route';
import { ProductParams } from '../../http/route-params';
import { actorOf } from '../audit/audit-trail';
import { MqttConfigQuery, PutMqttConfigDto } from './mqtt-config.dto';
import type { MqttConfigService } from './mqtt-config.service';
import { MqttConfigView } from './mqtt-config.view';

const PATH = '/api/v1/products/{product_id}/mqtt-config';

export function mqttConfigRoutes({ mqttConfigs }: { mqttConfigs: MqttConfigService }): Route[] {
  return [
    route({
      method: 'get',
      path: PATH,
      summary: 'Read broker, topics, subscriptions and status',
      tag: 'MQTT configuration',
      access: { kind: 'role', role: 'viewer' },
      params: ProductParams,
      query: MqttConfigQuery,
      response: MqttConfigView,
      // No 304: the status in the answer changes without the revision.
      etag: true,
      handler: async ({ params, query }) => {
        const { value, revision } = await mqttConfigs.read(params.product_id, query.subscriptions);
        return ok(value, { ETag: revisionTag(revision) });
      },
    }),
    route({
      method: 'put',
      path: PATH,
      summary: 'Change broker and topics; listeners apply it live',
      description: 'Sections and fields that are absent keep what is stored. null clears a secret.',
      tag: 'MQTT configuration',
      access: { kind: 'role', role: 'operator' },
      params: ProductParams,
      body: PutMqttConfigDto,
      response: MqttConfigView,
      etag: true,
      handler: async (context) => {
        const { value, revision } = await mqttConfigs.put(context.params.product_id, context.body, {
          actor: actorOf(context),
          expected_revision: expectedRevision(context.request.headers['if-match']),
        });
        return ok(value, { ETag: revisionTag(revision) });
      },
    }),
  ];
}
