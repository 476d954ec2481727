import { noneMatch } from '../../http/etag';
import { wholePage } from '../../http/pagination';
import { handled, notModified, ok, type Route, route } from '../../http/route';
import { ProductParams } from '../../http/route-params';
import type { ConnectionStatusService } from './connection-status.service';
import { ConnectionStatusView, ContainerLogView } from './connection-status.view';
import type { StatusStream } from './status-stream';

const PATH = '/api/v1/products/{product_id}/mqtt-config/status';

export function connectionStatusRoutes({
  connectionStatus,
  statusStream,
}: {
  connectionStatus: ConnectionStatusService;
  statusStream: StatusStream;
}): Route[] {
  return [
    route({
      method: 'get',
      path: PATH,
      operation_id: 'getStatus',
      summary: 'The state of a product’s connection, summed over its live listeners',
      tag: 'Status',
      access: { kind: 'role', role: 'viewer' },
      params: ProductParams,
      response: ConnectionStatusView,
      etag: true,
      not_modified: true,
      handler: async ({ params, request }) => {
        const status = await connectionStatus.read(params.product_id);
        // A heartbeat that says nothing new is news to whoever shows its age.
        const heard_ms = status.instances.map(({ last_heartbeat_at }) => Date.parse(last_heartbeat_at));
        const changed_ms = status.containers.map(({ since }) => Date.parse(since));
        const newest_ms = Math.max(Date.parse(status.updated_at), ...heard_ms, ...changed_ms);
        const headers = { ETag: `"${status.state}-${newest_ms}-${status.desired_revision}"` };
        return noneMatch(request.headers['if-none-match'], headers.ETag) ? notModified(headers) : ok(status, headers);
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/products/{product_id}/listener-containers',
      summary: 'Containers that the runtime keeps for a product, with what each wrote before its last end',
      description: 'The lines are from the listener’s log and may hold payloads.',
      tag: 'Status',
      access: { kind: 'role', role: 'viewer', payloads: true },
      params: ProductParams,
      response: { page: ContainerLogView },
      handler: async ({ params }) => ok(wholePage(await connectionStatus.readContainers(params.product_id))),
    }),
    route({
      method: 'get',
      path: `${PATH}/stream`,
      operation_id: 'streamStatus',
      event_stream: '`status`: the product’s status (ConnectionStatusView), at once and on every change.',
      summary: 'The same as server-sent events',
      description:
        'An `event: status` at once and on every change; a comment line every 15 s keeps the connection alive.',
      tag: 'Status',
      access: { kind: 'role', role: 'viewer' },
      limit: 'streams',
      params: ProductParams,
      handler: async ({ params, response }) => {
        const first = await connectionStatus.read(params.product_id);
        statusStream.subscribe(params.product_id, response, first);
        return handled();
      },
    }),
  ];
}
