import type { DeliverySurvey, QueueLogger } from '@cortex-mqtt/queues';

/** How long new messages wait for a queue that can't be asked what is in it. */
const PATIENCE_MS = 30_000;
const ASK_AGAIN_MS = 500;
/** How often it is looked whether others have ended what is waited for, and at how many at once. */
const LOOK_EVERY_MS = 1_000;
const LOOKED_AT = 200;

export interface OrderGuardDeps {
  survey: Pick<DeliverySurvey, 'unfinished' | 'stillUnfinished'>;
  /** Jobs of this process are no older ones. */
  isOwn(job_id: string): boolean;
  /** Nothing older of the key is left: what came since may run. */
  onReleased(subscription_id: number, key: string): void;
  logger: QueueLogger;
  /** For tests. */
  patience_ms?: number;
}

/**
 * Keeps the order of a key through a start: deliveries of a life before, or of another listener, that are still in the queue
 * come before the messages that arrive now. Until it is known what is there, every ordered message waits.
 */
export class OrderGuard {
  private phase: 'off' | 'surveying' | 'known' = 'off';
  /** By lane: jobs that come first. */
  private readonly older = new Map<string, { subscription_id: number; key: string; job_ids: Set<string> }>();
  private readonly asked = new Map<string, { subscription_id: number; key: string }>();
  private timer: NodeJS.Timeout | undefined;
  private run = 0;

  constructor(private readonly deps: OrderGuardDeps) {}

  /** Whether messages of the key wait. */
  holds(subscription_id: number, key: string): boolean {
    if (this.phase === 'off') return false;
    const lane = laneOf(subscription_id, key);
    if (this.phase === 'known') return this.older.has(lane);
    this.asked.set(lane, { subscription_id, key });
    return true;
  }

  /** This listener begins to take messages. */
  begin(): void {
    if (this.phase !== 'off') return;
    this.phase = 'surveying';
    this.run += 1;
    void this.surveyAll(this.run);
  }

  /** It takes none any more. */
  end(): void {
    this.phase = 'off';
    this.run += 1;
    clearTimeout(this.timer);
    this.older.clear();
    this.asked.clear();
  }

  /** A delivery from the queue has come to its end. */
  ended(subscription_id: number, key: string, job_id: string): void {
    const lane = this.older.get(laneOf(subscription_id, key));
    if (lane?.job_ids.delete(job_id) && lane.job_ids.size === 0) this.release(lane);
  }

  private async surveyAll(run: number): Promise<void> {
    const until_ms = Date.now() + (this.deps.patience_ms ?? PATIENCE_MS);
    while (this.run === run) {
      try {
        await this.surveyOnce(run);
        break;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (Date.now() > until_ms) {
          this.older.clear();
          this.deps.logger.warn(
            'the queue could not be asked for older deliveries: ordered messages run now, and may overtake some',
            { error: reason },
          );
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
      }
    }
    if (this.run !== run) return;
    this.phase = 'known';
    for (const [lane, { subscription_id, key }] of this.asked) {
      if (!this.older.has(lane)) this.deps.onReleased(subscription_id, key);
    }
    this.asked.clear();
    this.lookLater();
  }

  private async surveyOnce(run: number): Promise<void> {
    this.older.clear();
    for await (const { job_id, subscription_id, ordering } of this.deps.survey.unfinished()) {
      if (this.run !== run) return;
      if (ordering === null || this.deps.isOwn(job_id)) continue;
      const name = laneOf(subscription_id, ordering.key);
      const lane = this.older.get(name) ?? { subscription_id, key: ordering.key, job_ids: new Set<string>() };
      lane.job_ids.add(job_id);
      this.older.set(name, lane);
    }
  }

  /** What another listener ends is not heard of here. */
  private lookLater(): void {
    if (this.older.size === 0) return;
    const { run } = this;
    this.timer = setTimeout(() => {
      this.look()
        .catch((error: Error) =>
          this.deps.logger.debug('older deliveries could not be checked', { error: error.message }),
        )
        .finally(() => {
          if (this.run === run) this.lookLater();
        });
    }, LOOK_EVERY_MS);
  }

  private async look(): Promise<void> {
    const { run } = this;
    // One of each key is enough while it is there.
    const looked_at = [...this.older.values()].slice(0, LOOKED_AT);
    const ids = looked_at.flatMap((lane) => [...lane.job_ids].slice(0, 1));
    const there = new Set(await this.deps.survey.stillUnfinished(ids));
    if (this.run !== run) return;
    for (const lane of looked_at) {
      const [first] = lane.job_ids;
      if (first === undefined || there.has(first)) {
        // The next ones have their turn to be looked at.
        this.older.delete(laneOf(lane.subscription_id, lane.key));
        this.older.set(laneOf(lane.subscription_id, lane.key), lane);
        continue;
      }
      const left = await this.deps.survey.stillUnfinished([...lane.job_ids]);
      lane.job_ids = new Set(left);
      if (left.length === 0) this.release(lane);
    }
  }

  private release({ subscription_id, key }: { subscription_id: number; key: string }): void {
    if (this.older.delete(laneOf(subscription_id, key))) this.deps.onReleased(subscription_id, key);
  }
}

const laneOf = (subscription_id: number, key: string): string => `${subscription_id}/${key}`;
