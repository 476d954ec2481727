import { noneMatch, revisionTag } from '../../http/etag';
import { notModified, ok, type Route, route } from '../../http/route';
import { actorOf } from '../audit/audit-trail';
import type { ListenerConfigService } from './listener-config.service';

export function listenerConfigRoutes({ listenerConfigs }: { listenerConfigs: ListenerConfigService }): Route[] {
  return [
    route({
      method: 'get',
      path: '/internal/v1/mqtt-config',
      operation_id: 'getListenerConfiguration',
      summary: 'The configuration of the token’s product, secrets included',
      description: 'The ETag is the revision; with If-None-Match an unchanged configuration is a 304.',
      tag: 'Internal',
      access: { kind: 'listener' },
      etag: true,
      not_modified: true,
      handler: async (context) => {
        const { principal, request } = context;
        const revision = await listenerConfigs.revision(principal.product_id);
        if (noneMatch(request.headers['if-none-match'], revisionTag(revision))) {
          return notModified({ ETag: revisionTag(revision) });
        }
        const document = await listenerConfigs.document(principal.product_id);
        await listenerConfigs.recordRead(principal, actorOf(context), document);
        return ok(document, {
          ETag: revisionTag({ number: document.revision, key: document.revision_key ?? '' }),
          'Cache-Control': 'no-store',
        });
      },
    }),
  ];
}
