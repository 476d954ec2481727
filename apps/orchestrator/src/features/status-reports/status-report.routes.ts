import { ok, type Route, route } from '../../http/route';
import { readNewer } from './newer-report';
import { withoutBadFigures } from './report-figures';
import { StatusReportDto } from './status-report.dto';
import type { StatusReportService } from './status-report.service';

export function statusReportRoutes({ statusReports }: { statusReports: StatusReportService }): Route[] {
  return [
    route({
      method: 'post',
      path: '/internal/mqtt-status',
      operation_id: 'reportStatus',
      summary: 'A listener reports its state, counters and events',
      description: 'May be repeated and may arrive out of order: nothing counts twice.',
      tag: 'Internal',
      access: { kind: 'listener' },
      prepare_body: (body) => withoutBadFigures(readNewer(body)),
      body: StatusReportDto,
      handler: async ({ principal, body }) => ok(await statusReports.ingest(principal.product_id, body)),
    }),
  ];
}
