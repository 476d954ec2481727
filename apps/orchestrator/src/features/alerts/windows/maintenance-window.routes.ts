import { PageQuery } from '../../../http/pagination';
import { productsOf } from '../../../http/principal';
import { created, noContent, ok, type Route, route } from '../../../http/route';
import { IdParams } from '../../../http/route-params';
import { actorOf } from '../../audit/audit-trail';
import {
  CreateMaintenanceWindowDto,
  MaintenanceWindowView,
  UpdateMaintenanceWindowDto,
} from './maintenance-window.dto';
import type { MaintenanceWindowService } from './maintenance-window.service';

const OPERATOR = { kind: 'role', role: 'operator' } as const;

export function maintenanceWindowRoutes({ windows }: { windows: MaintenanceWindowService }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/maintenance-windows',
      summary: 'List maintenance windows',
      tag: 'Alerts',
      access: { kind: 'role', role: 'viewer' },
      query: PageQuery,
      response: { page: MaintenanceWindowView },
      handler: async ({ query, principal }) => ok(await windows.list(query, productsOf(principal))),
    }),
    route({
      method: 'post',
      path: '/api/v1/maintenance-windows',
      summary: 'Announce maintenance',
      description:
        'Within it nothing new fires for its products. Once by starts_at and ends_at, or weekly by days, from, to and timezone.',
      tag: 'Alerts',
      access: OPERATOR,
      body: CreateMaintenanceWindowDto,
      response: MaintenanceWindowView,
      status: 201,
      handler: async (context) => {
        const view = await windows.create(context.body, {
          actor: actorOf(context),
          scope: productsOf(context.principal),
        });
        return created(view, { Location: `/api/v1/maintenance-windows/${view.id}` });
      },
    }),
    route({
      method: 'get',
      path: '/api/v1/maintenance-windows/{id}',
      summary: 'Read a maintenance window',
      tag: 'Alerts',
      access: { kind: 'role', role: 'viewer' },
      params: IdParams,
      response: MaintenanceWindowView,
      handler: async ({ params, principal }) => ok(await windows.read(params.id, productsOf(principal))),
    }),
    route({
      method: 'patch',
      path: '/api/v1/maintenance-windows/{id}',
      summary: 'Change a maintenance window',
      description: 'What is absent stays as it is. A window that is open can be made longer, or ended now by ends_at.',
      tag: 'Alerts',
      access: OPERATOR,
      params: IdParams,
      body: UpdateMaintenanceWindowDto,
      response: MaintenanceWindowView,
      handler: async (context) =>
        ok(
          await windows.update(context.params.id, context.body, {
            actor: actorOf(context),
            scope: productsOf(context.principal),
          }),
        ),
    }),
    route({
      method: 'delete',
      path: '/api/v1/maintenance-windows/{id}',
      summary: 'Delete a maintenance window',
      tag: 'Alerts',
      access: OPERATOR,
      params: IdParams,
      status: 204,
      handler: async (context) => {
        await windows.delete(context.params.id, { actor: actorOf(context), scope: productsOf(context.principal) });
        return noContent();
      },
    }),
  ];
}
