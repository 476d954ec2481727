import type { ReactNode } from 'react';
import type { InstanceStatus, Recovery } from '../../api/types';
import { count, duration } from '../../components/relative-time';
import { StatusBadge, ToneIcon } from '../../components/status-badge';
import { Countdown, Time } from '../../components/time';
import { texts } from '../../texts';
import classes from './connection-status-panel.module.css';
import { loweredFilters, refusedFilters } from './status-reading';

const words = texts.status;
/** Names of filters that are shown before the rest is only counted. */
const NAMED_FILTERS = 20;

/** State of one listener: why, since when, and how the way back goes. `told` is said already above: not repeated. */
export function InstanceStatusView({
  instance,
  desired,
  told,
}: {
  instance: InstanceStatus;
  /** Revision that is wanted. */
  desired: number;
  told: string | null;
}) {
  const { report } = instance;
  return (
    <article className={classes.instance}>
      <div className={classes.instanceHead}>
        <code className={classes.id}>{instance.id}</code>
        <StatusBadge state={instance.state} />
      </div>
      {instance.reason && instance.reason !== told && (
        <div className={classes.reason}>
          {instance.reason}
          {instance.advice && <div className={classes.note}>{instance.advice}</div>}
        </div>
      )}
      {instance.recovery && told === null && <RecoveryLine recovery={instance.recovery} />}
      {report.rejected_revision && (
        <Problem>
          {words.rejected(report.rejected_revision.revision)}: {report.rejected_revision.reason}
        </Problem>
      )}
      <div className={classes.note}>
        {words.since} <Time at={instance.since} /> · {words.heartbeat.toLowerCase()}{' '}
        <Time at={instance.last_heartbeat_at} />
        {instance.broker && instance.brokers.length < 2 && <> · {words.atBroker(instance.broker)}</>}
        {instance.config_source && <> · {words.configSource[instance.config_source] ?? instance.config_source}</>}
        {instance.applied_revision !== null && instance.applied_revision !== desired && (
          <> · {words.revisionBehind(desired, instance.applied_revision)}</>
        )}
      </div>
      {instance.brokers.length > 1 && <BrokerStates brokers={instance.brokers} />}
      <div className={classes.figures}>
        <Figure
          label={words.topics}
          value={
            instance.subscribed.wanted > 0 && isConnected(instance)
              ? words.topicsOf(instance.subscribed.granted, instance.subscribed.wanted)
              : null
          }
        />
        <Figure label={words.inFlight} value={report.in_flight === undefined ? null : count(report.in_flight)} />
        <Figure
          label={words.acknowledgement}
          value={
            report.oldest_unacknowledged_ms == null ? null : words.oldest(duration(report.oldest_unacknowledged_ms))
          }
        />
        <Figure
          label={words.probe}
          value={instance.probe ? (instance.probe.reason ?? words.probeStates[instance.probe.state]) : null}
        />
      </div>
    </article>
  );
}

/** What a broker granted counts only while it is connected. */
const isConnected = ({ state }: Pick<InstanceStatus, 'state'>): boolean =>
  state === 'connected' || state === 'degraded';

/** Each broker, where the listener is at several at once. */
function BrokerStates({ brokers }: Pick<InstanceStatus, 'brokers'>) {
  return (
    <ul className={classes.brokers}>
      {brokers.map(({ name, host, port, state, granted, wanted, reason, next_try_at }) => (
        <li key={name}>
          <StatusBadge state={state} /> <span title={`${host}:${port}`}>{words.brokerName(name)}</span>{' '}
          <span className={classes.note}>
            {words.topicsOf(state === 'connected' ? granted : 0, wanted)}
            {reason && <> · {reason}</>}
            {next_try_at && (
              <>
                {' · '}
                {words.nextTry} <Countdown to={next_try_at} />
              </>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** The way back to the broker; it never ends by itself. */
export function RecoveryLine({ recovery }: { recovery: Recovery }) {
  return (
    <div className={classes.note}>
      {words.recovery(recovery.attempt)}
      {recovery.next_try_at && (
        <>
          {' · '}
          {words.nextTry} <Countdown to={recovery.next_try_at} />
        </>
      )}
      {' · '}
      {words.neverGivesUp}
    </div>
  );
}

/** Filters that the broker refused or granted with less than was asked for, by name. */
export function FilterFaults({ instances }: { instances: InstanceStatus[] }) {
  const refused = refusedFilters({ instances }).map(({ topic_filter, reason }) => [topic_filter, reason] as const);
  const lowered = loweredFilters({ instances }).map(
    ({ topic_filter, requested_qos, granted_qos }) =>
      [topic_filter, words.lowered(requested_qos, granted_qos)] as const,
  );
  return (
    <>
      {refused.length > 0 && (
        <Problem tone="bad">
          {words.refusedTopics(refused.length)}
          <NamedFilters filters={refused} />
        </Problem>
      )}
      {lowered.length > 0 && (
        <Problem>
          {words.loweredTopics(lowered.length)}
          <NamedFilters filters={lowered} />
        </Problem>
      )}
    </>
  );
}

function NamedFilters({ filters }: { filters: (readonly [filter: string, why: string])[] }) {
  return (
    <ul className={classes.refused}>
      {filters.slice(0, NAMED_FILTERS).map(([filter, why]) => (
        <li key={filter}>
          <code>{filter}</code> {why}
        </li>
      ))}
      {filters.length > NAMED_FILTERS && <li>{words.andMore(filters.length - NAMED_FILTERS)}</li>}
    </ul>
  );
}

/** Something that needs a look, with the icon of its weight. */
export function Problem({ children, tone = 'warn' }: { children: ReactNode; tone?: 'warn' | 'bad' }) {
  return (
    <div className={classes.problem}>
      <ToneIcon tone={tone} />
      <div>{children}</div>
    </div>
  );
}

function Figure({ label, value }: { label: string; value: string | null }) {
  if (value === null) return null;
  return (
    <span>
      <span className={classes.note}>{label}</span> {value}
    </span>
  );
}
