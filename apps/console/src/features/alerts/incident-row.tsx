import { Link } from 'react-router';
import type { Incident } from '../../api/types';
import rows from '../../components/rows.module.css';
import type { Tone } from '../../components/state-language';
import { ToneBadge, ToneIcon } from '../../components/status-badge';
import { Time } from '../../components/time';
import { texts } from '../../texts';
import classes from './alerts.module.css';

const words = texts.alerts;
const SEVERITY: Record<Incident['severity'], Tone> = { critical: 'bad', warning: 'warn', info: 'busy' };

export const toneOfIncident = ({ state, severity }: Pick<Incident, 'state' | 'severity'>): Tone =>
  state === 'resolved' ? 'ok' : SEVERITY[severity];

/** What is wrong, since when, and how bad it is. */
export function IncidentRow({ incident }: { incident: Incident }) {
  const { id, title, summary, state, severity, started_at, resolved_at } = incident;
  return (
    <li className={`${rows.row} ${classes.clickable}`}>
      <ToneIcon tone={toneOfIncident(incident)} size={18} />
      <span className={rows.main}>
        <Link to={`/alerts/incidents/${id}`} className={`${rows.title} ${classes.link}`}>
          {title}
        </Link>
        <span className={rows.note}>
          {summary} {words.since} <Time at={started_at} />
          {resolved_at !== null && (
            <>
              , {words.lasted} <Time at={resolved_at} />
            </>
          )}
        </span>
      </span>
      <ToneBadge tone={toneOfIncident(incident)}>
        {state === 'firing' ? words.severity[severity] : words.state[state]}
      </ToneBadge>
    </li>
  );
}
