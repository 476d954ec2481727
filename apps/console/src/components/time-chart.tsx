import { Skeleton } from '@mantine/core';
import { lazy, Suspense } from 'react';
import classes from './time-chart.module.css';

const Canvas = lazy(() => import('./time-chart-canvas'));

/** One line, area or row of bars over time. */
export interface ChartSeries {
  label: string;
  /** CSS variable that holds its colour. */
  color: `--${string}`;
  kind: 'line' | 'area' | 'bars';
  /** A value for each time; null leaves a gap. */
  values: (number | null)[];
}

export interface ChartMark {
  at_s: number;
  color: `--${string}`;
}

export interface TimeChartProps {
  /** What is drawn, for people who don't see it. */
  label: string;
  /** Beginning of each point, in seconds since 1970. */
  times_s: number[];
  width_s: number;
  series: ChartSeries[];
  format: (value: number) => string;
  /** Charts with the same key show the same moment under the pointer. */
  syncKey: string;
  /** Moments that may explain it, in seconds since 1970. */
  marks?: ChartMark[];
  /** A stretch of time was dragged over, in seconds since 1970. */
  onZoom: (from_s: number, to_s: number) => void;
}

/** A chart over time; what draws it is loaded when the first one is shown. */
export function TimeChart(props: TimeChartProps) {
  return (
    <figure className={classes.figure}>
      {props.series.length > 1 && (
        <ul className={classes.legend} aria-hidden>
          {props.series.map((one) => (
            <li key={one.label} className={classes.key}>
              <span className={classes.swatch} style={{ background: `var(${one.color})` }} />
              {one.label}
            </li>
          ))}
        </ul>
      )}
      <Suspense fallback={<Skeleton height={CHART_HEIGHT} />}>
        <Canvas {...props} height={CHART_HEIGHT} />
      </Suspense>
      <figcaption className={classes.caption}>{props.label}</figcaption>
    </figure>
  );
}

const CHART_HEIGHT = 190;
