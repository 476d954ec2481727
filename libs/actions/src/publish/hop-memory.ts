import { hash } from 'node:crypto';

/** Publishes remembered. */
const MAX_REMEMBERED = 10_000;
/** A message comes back at once, or is no longer taken for the same. */
const KEPT_MS = 300_000;

/**
 * Which messages this process has published itself, and how often they had been published by then. MQTT 3.1.1 has no user properties to
 * carry that number, so a message is known again by its topic and payload: a broker passes both on as they came.
 */
export class HopMemory {
  private readonly hops = new Map<string, { hops: number; until_ms: number }>();

  constructor(private readonly now: () => number = Date.now) {}

  /** 0 for a message that is not known. */
  hopsOf(topic: string, payload: Buffer): number {
    const found = this.hops.get(keyOf(topic, payload));
    return found !== undefined && found.until_ms > this.now() ? found.hops : 0;
  }

  remember(topic: string, payload: Buffer, hops: number): void {
    const key = keyOf(topic, payload);
    this.hops.delete(key);
    this.hops.set(key, { hops, until_ms: this.now() + KEPT_MS });
    if (this.hops.size <= MAX_REMEMBERED) return;
    const oldest = this.hops.keys().next();
    if (!oldest.done) this.hops.delete(oldest.value);
  }
}

function keyOf(topic: string, payload: Buffer): string {
  // A topic holds no NUL.
  return `${topic}\u0000${hash('sha256', payload, 'base64url')}`;
}
