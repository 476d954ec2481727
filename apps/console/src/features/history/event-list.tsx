import { Link } from 'react-router';
import type { ConnectionEvent } from '../../api/types';
import { ToneIcon } from '../../components/status-badge';
import { Time } from '../../components/time';
import classes from '../mqtt-config/history-panel.module.css';
import { texts } from '../../texts';
import { sentenceOf } from './event-sentence';
import { foldAttempts } from './fold-attempts';

/** After these, messages may have been missed, or may have come twice. */
const MAY_HAVE_MISSED = new Set([
  'session_lost',
  'probe_lost',
  'session_adopted',
  'offline',
  'heartbeat_lost',
  'taken_over',
]);
const BEFORE_MS = 3_600_000;
const AFTER_MS = 600_000;

/** A replay of the hour before an event and the ten minutes after. */
function replayAround(productId: number, at: string): string {
  const at_ms = Date.parse(at);
  const time = (of_ms: number) => new Date(of_ms).toISOString();
  return `/products/${productId}/replays?from=${time(at_ms - BEFORE_MS)}&to=${time(at_ms + AFTER_MS)}`;
}

/** Events as sentences on a line of time, newest first. */
export function EventList({ productId, events }: { productId: number; events: ConnectionEvent[] }) {
  return (
    <ol className={classes.events}>
      {foldAttempts(events).map(({ event, count, since }) => {
        const { tone, text, detail } = sentenceOf(event);
        return (
          <li key={event.id} className={classes.event}>
            <ToneIcon tone={tone} />
            <div className={classes.what}>
              <span>{text}</span>
              {detail && <span className={classes.detail}>{detail}</span>}
              {MAY_HAVE_MISSED.has(event.type) && (
                <Link className={classes.detail} to={replayAround(productId, event.at)}>
                  {texts.history.replay}
                </Link>
              )}
              {count > 1 && (
                <span className={classes.detail}>
                  {texts.history.attempts(count)} <Time at={since} />
                </span>
              )}
            </div>
            <span className={classes.when}>
              <Time at={event.at} />
            </span>
          </li>
        );
      })}
    </ol>
  );
}
