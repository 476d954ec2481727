import { hash } from 'node:crypto';

/**
 * What `$now()`, `$millis()`, `$random()` and `$shuffle()` go by. It belongs to the message, not to the attempt: a delivery that is
 * retried sends what it sent before, under the id it had before.
 */
export interface Moment {
  /** Milliseconds since the epoch. */
  readonly at_ms: number;
  /** Numbers are drawn from it; empty = from nowhere in particular. */
  readonly seed: string;
}

/** The variable that carries it into functions. No expression can spell it. */
export const MOMENT = ' moment';

/** One evaluation's clock and dice. */
export class MomentClock {
  private date: Date | null = null;
  private draw: (() => number) | null = null;

  constructor(
    private readonly moment: Moment | null,
    private readonly source: string,
  ) {}

  now(): Date {
    if (this.date === null) {
      const at_ms = this.moment?.at_ms ?? Number.NaN;
      this.date = Number.isFinite(at_ms) ? new Date(at_ms) : new Date();
    }
    return this.date;
  }

  /** 0 ≤ x < 1. */
  random(): number {
    const seed = this.moment?.seed ?? '';
    // With its source, so that two expressions of one action don't draw the same numbers.
    this.draw ??= seed === '' ? Math.random : drawsFrom(`${seed}\n${this.source}`);
    return this.draw();
  }
}

/** sfc32, a small generator with good statistics (Doty-Humphrey, PractRand). */
function drawsFrom(seed: string): () => number {
  const bytes = hash('sha256', seed, 'buffer');
  let a = bytes.readInt32LE(0);
  let b = bytes.readInt32LE(4);
  let c = bytes.readInt32LE(8);
  let counter = 1;
  return () => {
    const mixed = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + mixed;
    return (mixed >>> 0) / 4_294_967_296;
  };
}
