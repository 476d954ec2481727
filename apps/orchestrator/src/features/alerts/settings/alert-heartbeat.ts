import type { DataSource } from 'typeorm';
import type { ChannelHttp } from '../channels/types/channel-http';

interface Row {
  heartbeat_url: string | null;
  heartbeat_every_s: number;
  is_due: boolean;
}

/**
 * Calls a watcher outside after each evaluation, at most once in its interval: when the calls stop, evaluation has. A dead man's
 * switch, for what no rule of ours can tell.
 */
export class AlertHeartbeat {
  constructor(private readonly deps: { dataSource: DataSource; http: ChannelHttp }) {}

  async beat(): Promise<void> {
    const { dataSource, http } = this.deps;
    const [row] = await dataSource.query<Row[]>(
      `SELECT heartbeat_url, heartbeat_every_s,
         coalesce(heartbeat_sent_at < now() - make_interval(secs => heartbeat_every_s - 1), true) AS is_due
       FROM alert_settings WHERE id = 1`,
    );
    if (!row?.heartbeat_url || !row.is_due) return;
    let fault: string | null = null;
    try {
      await http.post({ url: row.heartbeat_url, body: { from: 'cortex-mqtt', at: new Date().toISOString() } });
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    await dataSource.query('UPDATE alert_settings SET heartbeat_sent_at = now(), heartbeat_error = $1 WHERE id = 1', [
      fault,
    ]);
  }
}
