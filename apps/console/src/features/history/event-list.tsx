import type { ConnectionEvent } from '../../api/types';
import { ToneIcon } from '../../components/status-badge';
import { Time } from '../../components/time';
import classes from '../mqtt-config/history-panel.module.css';
import { texts } from '../../texts';
import { sentenceOf } from './event-sentence';
import { foldAttempts } from './fold-attempts';

/** Events as sentences on a line of time, newest first. */
export function EventList({ events }: { events: ConnectionEvent[] }) {
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
