import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { exactTime } from './relative-time';
import { timeLabels } from './time-labels';
import type { ChartMark, ChartSeries, TimeChartProps } from './time-chart';
import classes from './time-chart.module.css';

interface Pointed {
  index: number;
  /** From the left of the chart, in CSS pixels. */
  left: number;
  isRight: boolean;
}

/** Narrower drags are clicks. */
const MIN_DRAG_PX = 6;
const AXIS_FONT = '11px "Inter Variable", system-ui, sans-serif';

/** Draws with uPlot. It styles through the CSSOM alone, which a policy without `unsafe-inline` allows. */
export default function TimeChartCanvas(props: TimeChartProps & { height: number }) {
  const { times_s, series, format, syncKey, height } = props;
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const scheme = useComputedColorScheme('light');
  const look = series.map(({ label, color, kind }) => `${label} ${color} ${kind}`).join('|');

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours are read anew with the scheme; data follows below
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const made = new uPlot(
      optionsFor({ element, height, syncKey, latest, onPoint: setPointed }),
      dataOf(latest.current),
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [look, scheme, height, syncKey]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: new data, not new functions, is what is drawn
  useEffect(() => {
    plot.current?.setData(dataOf(latest.current));
  }, [times_s, series, props.marks]);

  const at_s = pointed ? times_s[pointed.index] : undefined;
  return (
    <div ref={frame} className={classes.plot}>
      {pointed && at_s !== undefined && (
        <div
          className={classes.tip}
          style={{
            transform: `translateX(${pointed.left}px) translateX(${pointed.isRight ? 'calc(-100% - 10px)' : '10px'})`,
          }}
        >
          <div className={classes.tipTime}>{exactTime(new Date(at_s * 1_000))}</div>
          {series.map((one) => {
            const value = one.values[pointed.index];
            return (
              <div key={one.label} className={classes.tipRow}>
                <span className={classes.swatch} style={{ background: `var(${one.color})` }} />
                {one.label}
                <b>{value === null || value === undefined ? '–' : format(value)}</b>
              </div>
            );
          })}
        </div>
      )}
    </div>
  );
}

const dataOf = ({ times_s, series }: TimeChartProps): uPlot.AlignedData => [
  times_s,
  ...series.map((one) => one.values),
];

interface Parts {
  element: HTMLElement;
  height: number;
  syncKey: string;
  latest: { current: TimeChartProps };
  onPoint: (pointed: Pointed | null) => void;
}

function optionsFor({ element, height, syncKey, latest, onPoint }: Parts): uPlot.Options {
  const style = getComputedStyle(element);
  const colorOf = (variable: string) => style.getPropertyValue(variable).trim();
  const axis = { stroke: colorOf('--ink-faint'), font: AXIS_FONT, ticks: { show: false } };
  return {
    width: element.clientWidth,
    height,
    padding: [10, 8, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false },
      points: { size: 7, width: 2 },
      sync: {
        key: syncKey,
        filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave', sub: () => true },
      },
    },
    scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 64,
        size: 26,
        values: (_plot, splits, _axis, _space, step_s) => timeLabels(splits, step_s),
      },
      {
        ...axis,
        grid: { stroke: colorOf('--chart-grid'), width: 1 },
        size: 56,
        space: 38,
        values: (_plot, values) => values.map((value) => latest.current.format(value)),
      },
    ],
    series: [{}, ...latest.current.series.map((one) => seriesOptions(one, colorOf))],
    hooks: {
      draw: [(plot) => drawMarks(plot, latest.current.marks ?? [], colorOf)],
      setCursor: [
        (plot) => {
          const { idx, left } = plot.cursor;
          if (idx === null || idx === undefined || left === undefined || left < 0) onPoint(null);
          else {
            const offset = plot.bbox.left / devicePixelRatio;
            onPoint({ index: idx, left: left + offset, isRight: left > plot.bbox.width / devicePixelRatio / 2 });
          }
        },
      ],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < MIN_DRAG_PX) return;
          const [from_s, to_s] = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')];
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest.current.onZoom(from_s, to_s);
        },
      ],
    },
  };
}

/** A dashed line at each moment. */
function drawMarks(plot: uPlot, marks: ChartMark[], colorOf: (variable: string) => string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const { at_s, color } of marks) {
    const x = Math.round(plot.valToPos(at_s, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = colorOf(color);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

function seriesOptions(one: ChartSeries, colorOf: (variable: string) => string): uPlot.Series {
  const stroke = colorOf(one.color);
  const shared = { label: one.label, stroke, points: { show: false } };
  switch (one.kind) {
    case 'line':
      return { ...shared, width: 1.75 };
    case 'area':
      return { ...shared, width: 1.75, fill: colorOf(`${one.color}-area`) };
    case 'bars':
      return { ...shared, width: 0, fill: stroke, paths: uPlot.paths.bars?.({ size: [0.8, 18, 1], align: 1 }) };
  }
}
