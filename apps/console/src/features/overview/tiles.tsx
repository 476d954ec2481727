import { Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { ConnectionStatus, DeliveryCounts, Metrics, UptimeWindow } from '../../api/types';
import { count, duration } from '../../components/relative-time';
import { StatusBadge } from '../../components/status-badge';
import { Time } from '../../components/time';
import { texts } from '../../texts';
import { latestAndHighest, percent, perSecond, seriesOf } from './metric-series';
import classes from './overview-page.module.css';

const words = texts.overview;

interface Props {
  productId: number;
  status: ConnectionStatus | undefined;
  counts: DeliveryCounts | undefined;
  metrics: Metrics | undefined;
  uptime: UptimeWindow[] | undefined;
  isPaused: boolean;
}

/** The figures one looks at first. */
export function Tiles({ productId, status, counts, metrics, uptime, isPaused }: Props) {
  const latency = metrics ? latestAndHighest(seriesOf(metrics).p95_ms) : null;
  return (
    <dl className={classes.tiles}>
      <Tile label={words.tiles.state}>
        <span className={classes.badge}>
          {status ? <StatusBadge state={isPaused ? 'paused' : status.state} /> : '–'}
        </span>
        {!isPaused && status?.live.since && (
          <Note>
            {words.tiles.since} <Time at={status.live.since} />
          </Note>
        )}
      </Tile>
      <Tile label={words.tiles.rate}>
        <Figure value={status ? perSecond(status.rate_1m) : '–'} unit={words.tiles.perSecond} />
        {status && (
          <Note>
            {words.tiles.lastMessage} <Time at={status.last_message_at} fallback={words.tiles.noMessage} />
          </Note>
        )}
      </Tile>
      <Tile label={words.tiles.latency}>
        <Tooltip label={words.tiles.latencyHint}>
          <span>
            <Figure value={latency ? duration(latency.latest) : '–'} unit="p95" />
          </span>
        </Tooltip>
        <Note>{latency ? words.highest(duration(latency.highest)) : words.noLatency}</Note>
      </Tile>
      <Tile label={words.tiles.queue}>
        <Link className={classes.tileLink} to={`/products/${productId}/deliveries?state=retrying`}>
          <Figure value={counts ? count(counts.waiting + counts.active) : '–'} />
        </Link>
        {counts && (
          <Note>
            <Link
              className={counts.dead > 0 ? classes.badLink : classes.tileLink}
              to={`/products/${productId}/deliveries`}
            >
              {words.tiles.queueNote(counts.dead)}
            </Link>
          </Note>
        )}
      </Tile>
      <Tile label={words.tiles.uptime} wide>
        <span className={classes.uptimes}>
          {knownWindows(uptime ?? []).map((window) => (
            <Uptime key={window.window} window={window} />
          ))}
        </span>
      </Tile>
    </dl>
  );
}

function Tile({ label, children, wide }: { label: string; children: ReactNode; wide?: true }) {
  return (
    <div className={`${classes.tile} ${wide ? classes.wideTile : ''}`}>
      <dt className={classes.tileLabel}>{label}</dt>
      <dd className={classes.tileBody}>{children}</dd>
    </div>
  );
}

function Figure({ value, unit }: { value: string; unit?: string }) {
  return (
    <span className={classes.figure}>
      {value}
      {unit && <span className={classes.unit}> {unit}</span>}
    </span>
  );
}

const Note = ({ children }: { children: ReactNode }) => <span className={classes.note}>{children}</span>;

const knownFor_s = (window: UptimeWindow): number => window.connected_s + window.disconnected_s;
/** Nearly all of the window: what a listener missed between two reports doesn't make another window of it. */
const isKnown = (window: UptimeWindow): boolean => window.unknown_s <= 0.02 * (knownFor_s(window) + window.unknown_s);

/** Windows longer than what is known would all say the same: the first of them stands for all. */
function knownWindows(windows: UptimeWindow[]): UptimeWindow[] {
  const firstUnknown = windows.findIndex((window) => !isKnown(window));
  return firstUnknown === -1 ? windows : windows.slice(0, firstUnknown + 1);
}

function Uptime({ window }: { window: UptimeWindow }) {
  const detail = [
    words.interruptions(window.interruptions),
    ...(window.disconnected_s >= 1 ? [words.down(duration(window.disconnected_s * 1_000))] : []),
    ...(window.unknown_s >= 1 ? [words.known(duration((window.connected_s + window.disconnected_s) * 1_000))] : []),
  ].join(' · ');
  return (
    <Tooltip label={detail}>
      <span className={classes.uptime}>
        <span className={classes.uptimeFigure}>{window.uptime === null ? '–' : percent(window.uptime)}</span>
        <span className={classes.note}>
          {isKnown(window)
            ? words.uptimeWindow[window.window]
            : words.uptimeSince(duration(knownFor_s(window) * 1_000))}
        </span>
      </span>
    </Tooltip>
  );
}
