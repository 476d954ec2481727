import type { Logger } from '@cortex-mqtt/observability';
import { Client } from 'pg';

const RECONNECT_MS = 1_000;

export interface ChangeFollower {
  /** Channels to hear. */
  channels: readonly string[];
  onChange(channel: string, payload: string): void;
  /** Notifications may have been missed: whatever was remembered may be out of date. Called at each (re)connection. */
  onGap(): void;
}

/**
 * One Postgres connection LISTENs for everything in this process that wants to hear of committed changes, so that what any
 * orchestrator writes reaches every other.
 */
export class ChangeFeed {
  private readonly followers: ChangeFollower[] = [];
  private client: Client | null = null;
  private retry: NodeJS.Timeout | null = null;
  private stopped = false;
  private listening = false;

  constructor(private readonly deps: { database_url: string; logger: Logger }) {}

  /** Before `start`. */
  follow(follower: ChangeFollower): void {
    this.followers.push(follower);
  }

  /** Whether a change would be heard now. */
  get isListening(): boolean {
    return this.listening;
  }

  async start(): Promise<void> {
    await this.listen();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.listening = false;
    if (this.retry) clearTimeout(this.retry);
    await this.client?.end();
  }

  private async listen(): Promise<void> {
    const client = new Client({
      connectionString: this.deps.database_url,
      keepAlive: true,
      application_name: 'cortex-mqtt-changes',
    });
    client.on('notification', ({ channel, payload }) => {
      for (const follower of this.followers) {
        if (follower.channels.includes(channel)) follower.onChange(channel, payload ?? '');
      }
    });
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client, null));
    this.client = client;
    try {
      await client.connect();
      for (const channel of new Set(this.followers.flatMap(({ channels }) => channels))) {
        await client.query(`LISTEN ${channel}`);
      }
      this.listening = this.client === client && !this.stopped;
      for (const follower of this.followers) follower.onGap();
    } catch (error) {
      this.lost(client, error);
    }
  }

  private lost(client: Client, error: unknown): void {
    if (this.stopped || this.client !== client) return;
    this.client = null;
    this.listening = false;
    this.deps.logger.warn('notifications from the database are interrupted; reconnecting', { error });
    client
      .end()
      .catch((endError: unknown) => this.deps.logger.debug('closing a lost connection failed', { error: endError }));
    this.retry = setTimeout(() => void this.listen(), RECONNECT_MS);
  }
}
