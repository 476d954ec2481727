import { ok, type Route, route } from '../../http/route';
import { ProductParams } from '../../http/route-params';
import { AllAuditLogsQuery, AuditLogQuery, AuditLogView } from './audit-log.dto';
import type { AuditLogService } from './audit-log.service';

export function auditLogRoutes({ auditLogs }: { auditLogs: AuditLogService }): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/v1/audit-logs',
      summary: 'Who changed what, everywhere',
      tag: 'Audit log',
      access: { kind: 'role', role: 'admin' },
      query: AllAuditLogsQuery,
      response: { page: AuditLogView },
      handler: async ({ query }) => ok(await auditLogs.list(query)),
    }),
    route({
      method: 'get',
      path: '/api/v1/products/{product_id}/audit-logs',
      operation_id: 'listProductAuditLogs',
      summary: 'Who changed what in a product; also after its deletion',
      tag: 'Audit log',
      access: { kind: 'role', role: 'viewer' },
      params: ProductParams,
      query: AuditLogQuery,
      response: { page: AuditLogView },
      handler: async ({ params, query }) => ok(await auditLogs.list({ ...query, product_id: params.product_id })),
    }),
  ];
}
