import { median } from './statistics';

/** One line of the table. */
export interface Figure {
  /** Also what `--only` takes; several figures of one measurement share its name. */
  name: string;
  title: string;
  /** What `ours` and `theirs` count, such as `msg/s`. */
  unit: string;
  goal: { at_least: number } | { at_most: number };
  /** What stands against it, such as `plain mqtt.js`; null when the goal is absolute. */
  against: string | null;
  /** One value a round. */
  ours: number[];
  theirs: number[];
}

export interface FigureResult extends Figure {
  /** Ours against theirs, or our value itself when nothing stands against it; the median of the rounds. */
  value: number;
  /** Of each round. */
  values: number[];
  is_met: boolean;
}

export function evaluate(figure: Figure): FigureResult {
  const values =
    figure.against === null ? figure.ours : figure.ours.map((own, round) => own / (figure.theirs[round] ?? Number.NaN));
  const value = median(values);
  const { goal } = figure;
  return { ...figure, values, value, is_met: 'at_least' in goal ? value >= goal.at_least : value <= goal.at_most };
}

/** What a measurement is given. */
export interface BenchContext {
  rounds: number;
  /** Shows the person what is happening. */
  say(text: string): void;
  /** Folder for V8 CPU profiles of the listeners that are measured; null = none. */
  profile_dir: string | null;
  /** Folder where programs that are compared with are installed. */
  cache_dir: string;
  /** What is started is stopped by these, last first. */
  stops: (() => Promise<unknown>)[];
}

export interface Measurement {
  name: string;
  run(context: BenchContext): Promise<Figure[]>;
}

/** Runs `work` with `stops` of its own, which are done when it ends. */
export async function withStops<T>(context: BenchContext, work: (inner: BenchContext) => Promise<T>): Promise<T> {
  const inner: BenchContext = { ...context, stops: [] };
  // An interrupted run stops what is inside, too.
  const stopAll = async () => {
    for (const stop of inner.stops.splice(0).reverse()) await stop();
  };
  context.stops.push(stopAll);
  try {
    return await work(inner);
  } finally {
    await stopAll();
  }
}
