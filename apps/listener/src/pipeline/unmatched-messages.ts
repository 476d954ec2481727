/** Topics that are remembered, the latest last. */
const REMEMBERED_TOPICS = 20;
const SHOWN_TOPICS = 3;
/** Longest topic that is shown whole. */
const SHOWN_LENGTH = 200;
/** What still comes for filters that were just taken away is no surprise. */
const SETTLING_MS = 30_000;
/** How long a warning reminds of them. */
const REMINDED_FOR_MS = 3_600_000;

/** Messages that belong to no subscription: acknowledged without anything being run, so somebody should know. */
export class UnmatchedMessages {
  private readonly latest = new Set<string>();
  private latest_at_ms = 0;
  private count = 0;
  private settled_at_ms = 0;

  constructor(private readonly now: () => number = Date.now) {}

  add({ topic }: { topic: string }): void {
    const now_ms = this.now();
    if (now_ms < this.settled_at_ms) return;
    this.count += 1;
    this.latest_at_ms = now_ms;
    this.latest.delete(topic);
    this.latest.add(topic);
    if (this.latest.size <= REMEMBERED_TOPICS) return;
    const [oldest] = this.latest;
    if (oldest !== undefined) this.latest.delete(oldest);
  }

  planChanged(): void {
    this.settled_at_ms = this.now() + SETTLING_MS;
    this.latest.clear();
    this.count = 0;
  }

  /** The latest first. */
  topics(): string[] {
    return [...this.latest].reverse();
  }

  warnings(): { code: string; message: string }[] {
    if (this.count === 0 || this.now() - this.latest_at_ms > REMINDED_FOR_MS) return [];
    const topics = this.topics()
      .slice(0, SHOWN_TOPICS)
      .map((topic) => `"${[...topic].slice(0, SHOWN_LENGTH).join('')}"`);
    const at = new Date(this.latest_at_ms).toISOString();
    const messages = this.count === 1 ? '1 message' : `${this.count} messages`;
    return [
      {
        code: 'UNMATCHED_MESSAGES',
        message: `The broker sent ${messages} that no subscription matches, most recently at ${at} on ${topics.join(', ')}: acknowledged, and nothing was run.`,
      },
    ];
  }
}
