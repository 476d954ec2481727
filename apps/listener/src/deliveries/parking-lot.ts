/** Milliseconds between two looks at a destination whose breaker is open; doubles up to the highest. */
const FIRST_LOOK_MS = 1_000;
const LONGEST_LOOK_MS = 15_000;
/** A look that has not come to an end by then is no longer waited for. */
const LOOK_GRACE_MS = 10_000;
/**
 * Those that don't look wait this long at least; with many of them longer, so that so many a second come at most. They are called
 * long before that; this is for when nobody is left who would.
 */
const SHORTEST_WAIT_MS = 5 * 60_000;
const RETURNS_PER_S = 2;
const LONGEST_WAIT_MS = 6 * 3_600_000;
const MAX_DESTINATIONS = 10_000;

interface Parked {
  /** Deliveries that were told to wait since the destination was last healthy. */
  count: number;
  look_ms: number;
  /** When the one that looks is over at the latest, milliseconds since the epoch. */
  look_until_ms: number;
  /** Until when one that was called to look is waited for. */
  expected_until_ms: number;
}

/**
 * Deliveries whose destination's breaker is open wait as a whole: one of them looks whether it is back, the others don't move.
 * The one that finds it healthy again has them all called.
 */
export class ParkingLot {
  private readonly destinations = new Map<string, Parked>();

  constructor(private readonly random: () => number = Math.random) {}

  /**
   * How long a delivery waits that found the breaker open, and whether it is the one that looks then. `looked`: it was that
   * before. `keepsPlace`: others wait for it, so it comes often. `shut_for_ms`: how long the breaker lets nothing through; a look
   * comes right after that.
   */
  park(
    destination: string,
    { looked = false, keepsPlace = false, shut_for_ms = 0 } = {},
  ): { pause_ms: number; looks: boolean } {
    const now_ms = Date.now();
    const parked = this.destinations.get(destination) ?? {
      count: 0,
      look_ms: FIRST_LOOK_MS / 2,
      look_until_ms: 0,
      expected_until_ms: 0,
    };
    if (this.destinations.size >= MAX_DESTINATIONS) this.destinations.clear();
    this.destinations.set(destination, parked);
    if (looked || now_ms >= parked.look_until_ms) {
      parked.look_ms = Math.min(parked.look_ms * 2, LONGEST_LOOK_MS);
      const pause_ms = shut_for_ms >= FIRST_LOOK_MS ? shut_for_ms : parked.look_ms;
      parked.look_until_ms = now_ms + pause_ms + LOOK_GRACE_MS;
      return { pause_ms, looks: true };
    }
    if (keepsPlace) return { pause_ms: Math.round(LONGEST_LOOK_MS * (0.5 + this.random() / 2)), looks: false };
    parked.count += 1;
    const wait_ms = Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, (parked.count / RETURNS_PER_S) * 1_000));
    return { pause_ms: Math.round(wait_ms * (0.5 + this.random())), looks: false };
  }

  /** The one that looked was attempted and failed: another looks next. */
  lookAgain(destination: string): void {
    const parked = this.destinations.get(destination);
    if (!parked) return;
    parked.look_ms = Math.min(parked.look_ms * 2, LONGEST_LOOK_MS);
    parked.look_until_ms = Date.now() + parked.look_ms;
    parked.expected_until_ms = 0;
  }

  /** Destinations that nobody looks at any more. */
  unwatched(): string[] {
    const now_ms = Date.now();
    return [...this.destinations]
      .filter(([, { look_until_ms, expected_until_ms }]) => now_ms >= look_until_ms && now_ms >= expected_until_ms)
      .map(([destination]) => destination);
  }

  /** One is being called to look; it looks again if the destination is still away. */
  expectLook(destination: string): void {
    const parked = this.destinations.get(destination);
    if (!parked) return;
    parked.look_until_ms = 0;
    parked.expected_until_ms = Date.now() + LOOK_GRACE_MS;
  }

  /** Whether deliveries of it have been told to wait since it was last healthy. */
  isShut(destination: string): boolean {
    return this.destinations.has(destination);
  }

  /** It has recovered. */
  open(destination: string): void {
    this.destinations.delete(destination);
  }
}
