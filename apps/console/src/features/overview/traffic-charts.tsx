import { IconChevronRight } from '@tabler/icons-react';
import { useMemo } from 'react';
import { Link } from 'react-router';
import type { DeliveryCounts, Metrics } from '../../api/types';
import { Panel } from '../../components/layout';
import { count, duration, exactTime } from '../../components/relative-time';
import { type ChartSeries, TimeChart } from '../../components/time-chart';
import { texts } from '../../texts';
import { latestAndHighest, perSecond, seriesOf } from './metric-series';
import { chartMarks } from './marks-panel';
import type { MetricWindow } from './metric-window';
import classes from './overview-page.module.css';

const words = texts.overview;
const SYNC_KEY = 'product-overview';
const whole = (value: number): string => (Number.isInteger(value) ? count(value) : '');

/** Rate, latency and failures, one under the other on the same time. */
export function TrafficCharts({
  metrics,
  created_at,
  onZoom,
}: {
  metrics: Metrics;
  /** When the product was created. */
  created_at: string | undefined;
  onZoom: (from_s: number, to_s: number) => void;
}) {
  const series = useMemo(() => seriesOf(metrics, created_at), [metrics, created_at]);
  const lines = useMemo((): { [C in 'rate' | 'latency' | 'failures']: ChartSeries[] } => {
    return {
      rate: [{ label: words.received, color: '--chart-1', kind: 'area', values: series.rate }],
      latency: [
        { label: words.p99, color: '--chart-high', kind: 'line', values: series.p99_ms },
        { label: words.p95, color: '--chart-middle', kind: 'line', values: series.p95_ms },
        { label: words.p50, color: '--chart-low', kind: 'line', values: series.p50_ms },
      ],
      failures: [
        { label: words.failedActions, color: '--bad', kind: 'bars', values: series.failed_actions },
        { label: words.failedDeliveries, color: '--warn', kind: 'line', values: series.failed_deliveries },
      ],
    };
  }, [series]);
  const marks = useMemo(() => chartMarks(metrics), [metrics]);
  const shared = { times_s: series.times_s, width_s: series.width_s, syncKey: SYNC_KEY, onZoom, marks };
  const rate = latestAndHighest(series.rate);
  const p95 = latestAndHighest(series.p95_ms);
  const { actions_failed, deliveries_failed } = series.sums;
  return (
    <div className={classes.charts}>
      <Panel id="rate" title={words.rate} hint={words.rateUnit}>
        <TimeChart
          {...shared}
          label={words.chart.rate(perSecond(rate?.latest ?? 0), perSecond(rate?.highest ?? 0))}
          series={lines.rate}
          format={perSecond}
        />
      </Panel>
      <Panel id="latency" title={words.latency} hint={p95 ? undefined : words.noLatency}>
        <TimeChart
          {...shared}
          label={p95 ? words.chart.latency(duration(p95.latest), duration(p95.highest)) : words.noLatency}
          series={lines.latency}
          format={(value) => (value === 0 ? '0' : duration(value))}
        />
      </Panel>
      <Panel
        id="failures"
        title={words.failures}
        hint={actions_failed + deliveries_failed === 0 ? words.noFailures : undefined}
      >
        <TimeChart
          {...shared}
          label={words.chart.failures(actions_failed, deliveries_failed)}
          series={lines.failures}
          format={whole}
        />
      </Panel>
    </div>
  );
}

/** The way of the messages in figures. */
export function FlowPanel({
  productId,
  metrics,
  counts,
  window,
}: {
  productId: number;
  metrics: Metrics;
  counts: DeliveryCounts | undefined;
  window: MetricWindow;
}) {
  const { sums } = useMemo(() => seriesOf(metrics), [metrics]);
  const range =
    window.kind === 'latest'
      ? words.ranges[window.range]
      : words.zoomed(exactTime(metrics.from), exactTime(metrics.to));
  const base = `/products/${productId}`;
  return (
    <Panel id="flow" title={words.flow} hint={words.flowHint(range)}>
      <ol className={classes.flow}>
        <Step label={words.flowSteps.received} value={sums.messages_received} />
        <Step label={words.flowSteps.deliveries} value={sums.deliveries_succeeded} failed={sums.deliveries_failed} />
        <Step label={words.flowSteps.actions} value={sums.actions_attempted} failed={sums.actions_failed} />
        <Step
          label={words.flowSteps.waiting}
          value={counts ? counts.waiting + counts.active : null}
          to={`${base}/deliveries?state=retrying`}
        />
        <Step label={words.flowSteps.dead} value={counts?.dead ?? null} to={`${base}/deliveries`} />
      </ol>
    </Panel>
  );
}

function Step({ label, value, failed = 0, to }: { label: string; value: number | null; failed?: number; to?: string }) {
  return (
    <li className={classes.step}>
      <span className={classes.figure}>{value === null ? '–' : count(value)}</span>
      {to ? (
        <Link to={to} className={classes.stepLink}>
          {label}
          <IconChevronRight size={13} aria-hidden />
        </Link>
      ) : (
        <span className={classes.note}>{label}</span>
      )}
      {failed > 0 && <span className={classes.failed}>{words.failedOf(failed)}</span>}
    </li>
  );
}
