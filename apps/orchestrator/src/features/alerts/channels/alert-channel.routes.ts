import { expectedRevision, revisionTag } from '../../../http/etag';
import { PageQuery } from '../../../http/pagination';
import { created, noContent, ok, type Route, route } from '../../../http/route';
import { IdParams } from '../../../http/route-params';
import { actorOf } from '../../audit/audit-trail';
import { AlertChannelView, ChannelTestView, CreateAlertChannelDto, UpdateAlertChannelDto } from './alert-channel.dto';
import type { AlertChannelService } from './alert-channel.service';

const ADMIN = { kind: 'role', role: 'admin' } as const;
/** Addresses of people and of incoming webhooks are not everybody's. */
const OPERATOR = { kind: 'role', role: 'operator' } as const;

export function alertChannelRoutes({ alertChannels }: { alertChannels: AlertChannelService }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/alert-channels',
      summary: 'List alert channels',
      tag: 'Alerts',
      access: OPERATOR,
      query: PageQuery,
      response: { page: AlertChannelView },
      handler: async ({ query }) => ok(await alertChannels.list(query)),
    }),
    route({
      method: 'post',
      path: '/api/v1/alert-channels',
      summary: 'Create an alert channel',
      description: 'Secrets are sealed and never answered. Messages go through the egress policy.',
      tag: 'Alerts',
      access: ADMIN,
      body: CreateAlertChannelDto,
      response: AlertChannelView,
      status: 201,
      etag: true,
      handler: async (context) => {
        const { value, revision } = await alertChannels.create(context.body, actorOf(context));
        return created(value, {
          ETag: revisionTag({ number: revision, key: '' }),
          Location: `/api/v1/alert-channels/${value.id}`,
        });
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/alert-channels/{id}',
      summary: 'Read an alert channel',
      tag: 'Alerts',
      access: OPERATOR,
      params: IdParams,
      response: AlertChannelView,
      etag: true,
      handler: async ({ params }) => {
        const { value, revision } = await alertChannels.read(params.id);
        // No 304: what waits for it changes without its revision.
        return ok(value, { ETag: revisionTag({ number: revision, key: '' }) });
      },
    }),
    ...(['put', 'patch'] as const).map((method) =>
      route({
        method,
        operation_id: `${method === 'put' ? 'update' : 'patch'}AlertChannel`,
        path: '/api/v1/alert-channels/{id}',
        summary: 'Change an alert channel',
        description: 'Takes any of the fields. An absent secret keeps the stored one, null clears it.',
        tag: 'Alerts',
        access: ADMIN,
        params: IdParams,
        body: UpdateAlertChannelDto,
        response: AlertChannelView,
        etag: true,
        handler: async (context) => {
          const { value, revision } = await alertChannels.update(context.params.id, context.body, {
            actor: actorOf(context),
            expected_revision: expectedRevision(context.request.headers['if-match']),
          });
          return ok(value, { ETag: revisionTag({ number: revision, key: '' }) });
        },
      }),
    ),
    route({
      method: 'delete',
      path: '/api/v1/alert-channels/{id}',
      summary: 'Delete an alert channel',
      tag: 'Alerts',
      access: ADMIN,
      params: IdParams,
      status: 204,
      etag: true,
      handler: async (context) => {
        await alertChannels.delete(context.params.id, {
          actor: actorOf(context),
          expected_revision: expectedRevision(context.request.headers['if-match']),
        });
        return noContent();
      },
    }),
    route({
      method: 'post',
      path: '/api/v1/alert-channels/{id}/test',
      summary: 'Send a test message',
      description: 'Answers what the other side said, whether it took the message or not.',
      tag: 'Alerts',
      access: ADMIN,
      params: IdParams,
      response: ChannelTestView,
      handler: async ({ params }) => ok(await alertChannels.test(params.id)),
    }),
  ];
}
