import { Alert, Anchor, Tooltip } from '@mantine/core';
import { IconBolt, IconInfoCircle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { ConnectionStatus, Probe } from '../../api/types';
import { Facts, Panel } from '../../components/layout';
import { count, duration } from '../../components/relative-time';
import type { Tone } from '../../components/state-language';
import { Empty, Failure, LoadingRows } from '../../components/states';
import { StatusBadge, ToneBadge } from '../../components/status-badge';
import { Time } from '../../components/time';
import { texts } from '../../texts';
import { perSecond } from '../overview/metric-series';
import classes from './connection-status-panel.module.css';
import { type LiveMode, useConnectionStatus } from './connection-status-query';
import { FilterFaults, InstanceStatusView, Problem, RecoveryLine } from './instance-status-view';
import { ReconnectButton } from './reconnect-button';
import { useProduct } from '../products/products-query';
import { adviceOf, distinctWarnings, subscribedOf, worstFirst } from './status-reading';

const words = texts.status;

/** Is it connected, since when, does it run what was saved, and what is wrong if not. */
export function ConnectionStatusPanel({ productId, canChange }: { productId: number; canChange: boolean }) {
  const { status, mode, error, retry } = useConnectionStatus(productId);
  const isPaused = useProduct(productId).data?.enabled === false;
  return (
    <Panel
      id="status"
      title={words.title}
      actions={
        <>
          <LiveSign mode={mode} />
          {canChange && <ReconnectButton productId={productId} />}
        </>
      }
    >
      {status ? (
        isPaused ? (
          <Paused status={status} />
        ) : (
          <Status status={status} />
        )
      ) : error ? (
        <Failure error={error} onRetry={retry} />
      ) : (
        <LoadingRows rows={3} />
      )}
    </Panel>
  );
}

function LiveSign({ mode }: { mode: LiveMode }) {
  return (
    <Tooltip label={mode === 'stream' ? words.liveHint : words.pollingHint}>
      <span className={`${classes.live} ${mode === 'stream' ? classes.streaming : ''}`}>
        {mode === 'stream' ? words.live : words.polling}
      </span>
    </Tooltip>
  );
}

/** Nothing of a paused product is a fault: it says that it is paused, and what was received so far. */
function Paused({ status }: { status: ConnectionStatus }) {
  return (
    <div className={classes.status}>
      <StatusBadge state="paused" />
      <p className={classes.note}>{texts.stateHint.paused}</p>
      <Facts
        items={[
          [words.messages, count(status.messages_received)],
          [words.lastMessage, <Time key="l" at={status.last_message_at} />],
          [words.lastConnected, <Time key="u" at={status.last_connected_at} />],
        ]}
      />
    </div>
  );
}

/** What is wrong first, then the figures, then each listener. */
function Status({ status }: { status: ConnectionStatus }) {
  const { live, recovery } = status;
  const reason = status.connection_error ?? live.reason;
  const advice = adviceOf(status);
  return (
    <div className={classes.status}>
      <div className={classes.state}>
        <StatusBadge state={status.state} />
        {live.since && (
          <span className={classes.note}>
            {words.since} <Time at={live.since} />
          </span>
        )}
      </div>
      {reason && (
        <Alert color={status.connected ? 'amber' : 'red'} icon={<IconInfoCircle size={18} />} p="sm">
          {reason}
          {advice && <div className={classes.advice}>{advice}</div>}
          {recovery && <RecoveryLine recovery={recovery} />}
        </Alert>
      )}
      {status.desired.reason && status.desired.reason !== reason && <Problem>{status.desired.reason}</Problem>}
      <FilterFaults instances={status.instances} />
      {distinctWarnings(status).map((warning) => (
        <Problem key={warning.code + warning.message}>
          {warning.message}
          {status.instances.length > 1 && (
            <span className={classes.note}> {words.warningBy(warning.instance_ids.join(', '))}</span>
          )}
        </Problem>
      ))}
      <Facts items={factsOf(status)} />
      <div className={classes.instances}>
        <h3 className={classes.heading}>
          {words.instances}
          {status.instances.length > 1 && <span className={classes.note}> · {instanceCounts(status)}</span>}
        </h3>
        {status.instances.length === 0 ? (
          <Empty
            icon={IconBolt}
            title={words.noInstances}
            hint={words.noInstancesHint}
            action={
              <Anchor component={Link} to={`/products/${status.product_id}/listeners`}>
                {words.deploy}
              </Anchor>
            }
          />
        ) : (
          worstFirst(status.instances).map((instance) => (
            <InstanceStatusView
              key={instance.id}
              instance={instance}
              desired={status.desired_revision}
              told={status.instances.length === 1 ? reason : null}
            />
          ))
        )}
      </div>
    </div>
  );
}

function instanceCounts({ live }: ConnectionStatus): string {
  const standby = live.standby_instances;
  return [
    words.liveOf(live.connected_instances, live.live_instances),
    ...(standby > 0 ? [words.standby(standby)] : []),
  ].join(', ');
}

function factsOf(status: ConnectionStatus): [string, ReactNode][] {
  const { flow, probe } = status;
  const subscribed = subscribedOf(status);
  const version = status.broker_info.version;
  return [
    [words.revision, <Revision key="r" status={status} />],
    [
      words.topics,
      subscribed ? words.topicsOf(subscribed.granted, subscribed.wanted) : count(status.subscribed_topics_count),
    ],
    [
      words.messages,
      <span key="m">
        {count(status.messages_received)} <span className={classes.note}>{words.rate(perSecond(flow.rate_1m))}</span>
      </span>,
    ],
    [words.lastMessage, <Time key="l" at={flow.last_message_at ?? status.last_message_at} />],
    [
      words.acknowledgement,
      flow.acknowledgement_age_ms === null ? words.nothingWaits : words.oldest(duration(flow.acknowledgement_age_ms)),
    ],
    [words.queue, queueWords(flow)],
    ...(probe ? ([[words.probe, <ProbeFact key="p" probe={probe} />]] as [string, ReactNode][]) : []),
    ...(typeof version === 'string' ? ([[words.broker, version]] as [string, string][]) : []),
    ...(status.client_id ? ([[words.clientId, <code key="c">{status.client_id}</code>]] as [string, ReactNode][]) : []),
    [words.lastConnected, <Time key="u" at={status.last_connected_at} />],
    [words.lastDisconnected, <Time key="d" at={status.last_disconnected_at} />],
  ];
}

function Revision({ status }: { status: ConnectionStatus }) {
  const { desired, desired_revision, applied_revision } = status;
  return (
    <>
      {applied_revision === desired_revision ? (
        words.revisionApplied(desired_revision)
      ) : (
        <ToneBadge tone="busy">{words.revisionBehind(desired_revision, applied_revision)}</ToneBadge>
      )}{' '}
      <span className={classes.note}>
        {words.saved} <Time at={desired.since} />
      </span>
    </>
  );
}

function queueWords({ queue_depth, oldest_queued_ms }: ConnectionStatus['flow']): string {
  if (queue_depth === null) return words.queueUnknown;
  return [count(queue_depth), ...(oldest_queued_ms === null ? [] : [words.oldest(duration(oldest_queued_ms))])].join(
    ', ',
  );
}

const PROBE_TONES: { [S in Probe['state']]: Tone } = { ok: 'ok', waiting: 'busy', lost: 'bad' };

function ProbeFact({ probe }: { probe: Probe }) {
  return (
    <span className={classes.probe}>
      <ToneBadge tone={PROBE_TONES[probe.state]} hint={probe.reason ?? probe.topic}>
        {words.probeStates[probe.state]}
      </ToneBadge>
      {probe.round_trip_ms !== null && (
        <span className={classes.note}>{words.probeTook(duration(probe.round_trip_ms))}</span>
      )}
      {probe.last_received_at && (
        <span className={classes.note}>
          {words.probeProven} <Time at={probe.last_received_at} />
        </span>
      )}
    </span>
  );
}
