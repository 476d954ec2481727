import { Button, SegmentedControl, Skeleton } from '@mantine/core';
import { IconArrowRight, IconHistory, IconZoomOut } from '@tabler/icons-react';
import { useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import type { ConnectionStatus, DeliveryCounts, Product } from '../../api/types';
import { Panel } from '../../components/layout';
import { instantOf, localMoment } from '../../components/local-moment';
import { MomentInput } from '../../components/moment-input';
import { duration } from '../../components/relative-time';
import { Empty, Failure, Loaded, LoadingRows } from '../../components/states';
import { ToneIcon } from '../../components/status-badge';
import { texts } from '../../texts';
import { EventList } from '../history/event-list';
import { useConnectionEvents } from '../history/events-query';
import { useConnectionStatus } from '../mqtt-config/connection-status-query';
import { distinctWarnings, type SharedWarning } from '../mqtt-config/status-reading';
import { useProductId } from '../products/product-id';
import { useProduct } from '../products/products-query';
import { MarksPanel } from './marks-panel';
import { DEFAULT_RANGE, type MetricWindow, RANGES, type Range, windowIn, zoomTo } from './metric-window';
import classes from './overview-page.module.css';
import { useDeliveryCounts, useMetrics, useUptime } from './overview-query';
import { problemsOf, type Remedy } from './problems';
import { Tiles } from './tiles';
import { FlowPanel, TrafficCharts } from './traffic-charts';

const words = texts.overview;
const LATEST_EVENTS = 8;

/** A product at a glance: what is wrong, how much flows, how it was. */
export function OverviewPage() {
  const productId = useProductId();
  const product = useProduct(productId);
  const { status, error, retry } = useConnectionStatus(productId);
  const counts = useDeliveryCounts(productId);
  const [window, setWindow] = useMetricWindow();
  const metrics = useMetrics(productId, window);
  const uptime = useUptime(productId);
  return (
    <div className={classes.page}>
      <title>{`${product.data?.name ?? words.title} · cortex-mqtt`}</title>
      <h1 className={classes.heading}>{words.title}</h1>
      {product.data?.description && <p className={classes.description}>{product.data.description}</p>}
      {product.data && status ? (
        <Problems productId={productId} product={product.data} status={status} counts={counts.data ?? null} />
      ) : error ? (
        <Failure error={error} onRetry={retry} />
      ) : (
        <Skeleton height={54} />
      )}
      <Tiles
        productId={productId}
        status={status}
        counts={counts.data}
        metrics={metrics.data}
        uptime={uptime.data?.windows}
        isPaused={product.data?.enabled === false}
      />
      <RangeBar window={window} onChange={setWindow} width_s={metrics.data?.width_s} />
      <Loaded query={metrics} loading={<Skeleton height={520} />}>
        {(loaded) => (
          <div className={metrics.isPlaceholderData ? classes.refreshing : undefined}>
            <TrafficCharts
              metrics={loaded}
              created_at={product.data?.created_at}
              onZoom={(from_s, to_s) => setWindow({ kind: 'fixed', range: window.range, ...zoomTo(from_s, to_s) })}
            />
            <MarksPanel marks={loaded.marks} />
            <FlowPanel productId={productId} metrics={loaded} counts={counts.data} window={window} />
          </div>
        )}
      </Loaded>
      <div className={classes.columns}>
        <LatestEvents productId={productId} />
        {status && <Warnings warnings={distinctWarnings(status)} />}
      </div>
    </div>
  );
}

/** The window is part of the address: a link shows what I see. */
function useMetricWindow(): [MetricWindow, (window: MetricWindow) => void] {
  const [parameters, setParameters] = useSearchParams();
  const change = (window: MetricWindow) =>
    setParameters(
      (current) => {
        current.delete('from');
        current.delete('to');
        current.delete('range');
        if (window.range !== DEFAULT_RANGE) current.set('range', window.range);
        if (window.kind === 'fixed') {
          current.set('from', String(window.from_s));
          current.set('to', String(window.to_s));
        }
        return current;
      },
      // The browser's back undoes a zoom.
      { replace: window.kind === 'latest', preventScrollReset: true },
    );
  return [windowIn(parameters), change];
}

const LINKS: { [R in Remedy]: string } = {
  connection: 'mqtt-config',
  listeners: 'listeners',
  deliveries: 'deliveries?state=retrying',
  dead: 'deliveries',
  settings: 'settings',
};

function Problems(props: {
  productId: number;
  product: Product;
  status: ConnectionStatus;
  counts: DeliveryCounts | null;
}) {
  const problems = problemsOf(props);
  const base = `/products/${props.productId}`;
  if (problems.length === 0) {
    return (
      <section className={classes.fine}>
        <ToneIcon tone={props.product.enabled ? 'ok' : 'off'} size={20} />
        <div>
          <strong>{props.product.enabled ? words.fine : words.off}</strong>{' '}
          <span className={classes.note}>{props.product.enabled ? words.fineHint : words.offHint}</span>
        </div>
      </section>
    );
  }
  return (
    <section className={classes.problems} aria-label={words.problems(problems.length)}>
      <ul>
        {problems.map((problem) => (
          <li key={problem.title} className={`${classes.problem} ${classes[problem.tone] ?? ''}`}>
            <ToneIcon tone={problem.tone} size={20} />
            <div className={classes.problemText}>
              <strong>{problem.title}</strong>
              {problem.detail && <div className={classes.note}>{problem.detail}</div>}
            </div>
            <Button
              component={Link}
              to={`${base}/${LINKS[problem.remedy]}`}
              variant="default"
              size="compact-sm"
              rightSection={<IconArrowRight size={14} aria-hidden />}
            >
              {words.fix[problem.remedy]}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function RangeBar({
  window,
  onChange,
  width_s,
}: {
  window: MetricWindow;
  onChange: (window: MetricWindow) => void;
  width_s: number | undefined;
}) {
  return (
    <div className={classes.rangeBar}>
      <SegmentedControl
        aria-label={words.range}
        value={window.kind === 'latest' ? window.range : ''}
        onChange={(range) => onChange({ kind: 'latest', range: range as Range })}
        data={(Object.keys(RANGES) as Range[]).map((value) => ({ value, label: words.ranges[value] }))}
      />
      <CustomRange
        key={`${window.kind} ${window.kind === 'fixed' ? window.from_s : ''}`}
        window={window}
        onChange={onChange}
      />
      {window.kind === 'fixed' ? (
        <Button
          variant="light"
          leftSection={<IconZoomOut size={16} aria-hidden />}
          onClick={() => onChange({ kind: 'latest', range: window.range })}
        >
          {words.zoomOut}
        </Button>
      ) : (
        <span className={classes.note}>{words.zoomHint}</span>
      )}
      {width_s !== undefined && (
        <span className={`${classes.note} ${classes.width}`}>{words.perPoint(duration(width_s * 1_000))}</span>
      )}
    </div>
  );
}

/** Any stretch of time; it is in the address, as a zoom is. */
function CustomRange({ window, onChange }: { window: MetricWindow; onChange: (window: MetricWindow) => void }) {
  const momentOf = (at_s: number): string => localMoment(new Date(at_s * 1_000));
  const [from, setFrom] = useState(window.kind === 'fixed' ? momentOf(window.from_s) : '');
  const [to, setTo] = useState(window.kind === 'fixed' ? momentOf(window.to_s) : '');
  const take = (next_from: string, next_to: string): void => {
    const [from_s, to_s] = [next_from, next_to].map((local) => Date.parse(instantOf(local) ?? '') / 1_000);
    if (from_s === undefined || to_s === undefined || !(to_s > from_s)) return;
    onChange({ kind: 'fixed', range: window.range, from_s, to_s });
  };
  return (
    <>
      <MomentInput
        label={words.from}
        value={from}
        agoHours={[1, 24, 168]}
        onChange={(value) => {
          setFrom(value);
          take(value, to);
        }}
      />
      <MomentInput
        label={words.to}
        value={to}
        onChange={(value) => {
          setTo(value);
          take(from, value);
        }}
      />
    </>
  );
}

function LatestEvents({ productId }: { productId: number }) {
  const { query, events } = useConnectionEvents(productId);
  return (
    <Panel
      id="events"
      title={words.events}
      actions={
        <Button component={Link} to={`/products/${productId}/mqtt-config#history`} variant="subtle" size="compact-sm">
          {words.allEvents}
        </Button>
      }
    >
      <Loaded query={query} loading={<LoadingRows rows={4} />}>
        {() =>
          events.length === 0 ? (
            <Empty icon={IconHistory} title={words.noEvents} hint={words.noEventsHint} />
          ) : (
            <EventList productId={productId} events={events.slice(0, LATEST_EVENTS)} />
          )
        }
      </Loaded>
    </Panel>
  );
}

function Warnings({ warnings }: { warnings: SharedWarning[] }) {
  if (warnings.length === 0) return null;
  return (
    <Panel id="warnings" title={words.warnings}>
      <ul className={classes.warnings}>
        {warnings.map((warning) => (
          <li key={warning.code + warning.message} className={classes.warning}>
            <ToneIcon tone="warn" />
            {warning.message}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
