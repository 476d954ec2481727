import { Link } from 'react-router';
import type { Metrics } from '../../api/types';
import { Panel } from '../../components/layout';
import type { ChartMark } from '../../components/time-chart';
import { Time } from '../../components/time';
import { texts } from '../../texts';
import classes from './overview-page.module.css';

const words = texts.overview;
type Mark = Metrics['marks'][number];

const COLORS: Record<Mark['kind'], ChartMark['color']> = {
  configuration: '--chart-1',
  incident: '--bad',
  failover: '--warn',
};
/** Listed below the charts; all of them are lines in them. */
const MAX_LISTED = 12;

export const chartMarks = ({ marks }: Pick<Metrics, 'marks'>): ChartMark[] =>
  marks.map(({ at, kind }) => ({ at_s: Date.parse(at) / 1_000, color: COLORS[kind] }));

/** What the lines in the charts stand for, newest first. */
export function MarksPanel({ marks }: Pick<Metrics, 'marks'>) {
  if (marks.length === 0) return null;
  return (
    <div className={classes.marksPanel}>
      <Panel id="marks" title={words.marks} hint={words.marksHint}>
        <ul className={classes.marks}>
          {marks
            .slice(-MAX_LISTED)
            .reverse()
            .map((mark) => (
              <li key={`${mark.at} ${mark.kind} ${mark.text}`} className={classes.mark}>
                <span className={classes.markLine} style={{ borderColor: `var(${COLORS[mark.kind]})` }} aria-hidden />
                <span className={classes.note}>{words.markKinds[mark.kind]}</span>
                {mark.incident_id === null ? (
                  <span>{mark.text}</span>
                ) : (
                  <Link className={classes.markLink} to={`/alerts/incidents/${mark.incident_id}`}>
                    {mark.text}
                  </Link>
                )}
                <span className={classes.note}>
                  <Time at={mark.at} />
                </span>
              </li>
            ))}
        </ul>
      </Panel>
    </div>
  );
}
