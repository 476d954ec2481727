import { IsInt, IsOptional, IsString, IsUrl, Max, MaxLength, Min } from 'class-validator';
import type { DataSource } from 'typeorm';
import { MayBeAbsent } from '../../../http/optional';
import { ok, type Route, route } from '../../../http/route';
import { actorOf, type Actor, recordAudit } from '../../audit/audit-trail';

export class AlertSettingsDto {
  /** Called after each evaluation; null = nothing is. */
  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false, disallow_auth: true })
  @MaxLength(2_000)
  @IsOptional()
  heartbeat_url?: string | null;

  /** Seconds between two calls at least. */
  @IsInt()
  @Min(5)
  @Max(86_400)
  @MayBeAbsent()
  heartbeat_every_s?: number;
}

export class AlertSettingsView {
  @IsString()
  @IsOptional()
  heartbeat_url!: string | null;

  @IsInt()
  heartbeat_every_s!: number;

  @IsString()
  @IsOptional()
  heartbeat_sent_at!: string | null;

  /** Why the last call failed; null when it did not. */
  @IsString()
  @IsOptional()
  heartbeat_error!: string | null;
}

/** What holds for alerts as a whole. */
export class AlertSettingsService {
  constructor(private readonly deps: { dataSource: DataSource }) {}

  async read(): Promise<AlertSettingsView> {
    const [row] = await this.deps.dataSource.query<[AlertSettingsView & { heartbeat_sent_at: Date | null }]>(
      'SELECT heartbeat_url, heartbeat_every_s, heartbeat_sent_at, heartbeat_error FROM alert_settings WHERE id = 1',
    );
    const sent_at = row.heartbeat_sent_at as Date | null;
    return { ...row, heartbeat_sent_at: sent_at?.toISOString() ?? null };
  }

  async write({ heartbeat_url, heartbeat_every_s }: AlertSettingsDto, actor: Actor): Promise<AlertSettingsView> {
    const before = await this.read();
    await this.deps.dataSource.transaction(async (manager) => {
      await manager.query(
        `UPDATE alert_settings SET heartbeat_url = CASE WHEN $1 THEN $2 ELSE heartbeat_url END,
           heartbeat_every_s = coalesce($3, heartbeat_every_s), heartbeat_sent_at = NULL, heartbeat_error = NULL WHERE id = 1`,
        [heartbeat_url !== undefined, heartbeat_url ?? null, heartbeat_every_s ?? null],
      );
      await recordAudit(manager, {
        actor,
        action: 'alert_settings.update',
        entity_type: 'alert_settings',
        entity_id: null,
        product_id: null,
        before: { heartbeat_url: before.heartbeat_url, heartbeat_every_s: before.heartbeat_every_s },
        after: {
          heartbeat_url: heartbeat_url === undefined ? before.heartbeat_url : heartbeat_url,
          heartbeat_every_s: heartbeat_every_s ?? before.heartbeat_every_s,
        },
      });
    });
    return this.read();
  }
}

export function alertSettingsRoutes({ alertSettings }: { alertSettings: AlertSettingsService }): Route[] {
  const admin = { kind: 'role', role: 'admin' } as const;
  return [
    route({
      method: 'get',
      path: '/api/v1/alert-settings',
      summary: 'Read the settings of alerts',
      tag: 'Alerts',
      access: admin,
      response: AlertSettingsView,
      handler: async () => ok(await alertSettings.read()),
    }),
    route({
      method: 'put',
      path: '/api/v1/alert-settings',
      summary: 'Change the settings of alerts',
      description: 'heartbeat_url is called after evaluations: a watcher outside notices when they stop.',
      tag: 'Alerts',
      access: admin,
      body: AlertSettingsDto,
      response: AlertSettingsView,
      handler: async (context) => ok(await alertSettings.write(context.body, actorOf(context))),
    }),
  ];
}
