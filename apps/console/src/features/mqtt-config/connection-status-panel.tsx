import { Alert, Anchor, Button, Tooltip } from '@mantine/core';
import { IconBolt, IconInfoCircle, IconRefresh } from '@tabler/icons-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { get, post } from '../../api/client';
import type { ConnectionStatus, InstanceStatus, ReconnectOutcome } from '../../api/types';
import { Facts, Panel } from '../../components/layout';
import { notifyDone, notifyFailure, notifyWarning } from '../../components/notify';
import { count, duration } from '../../components/relative-time';
import { Empty, LoadingRows } from '../../components/states';
import { StatusBadge, ToneBadge, ToneIcon } from '../../components/status-badge';
import { Time } from '../../components/time';
import { texts } from '../../texts';
import classes from './connection-status-panel.module.css';
import { type LiveMode, useConnectionStatus } from './connection-status-query';

const words = texts.status;

/** Is it connected, since when, does it run what was saved, and what is wrong if not. */
export function ConnectionStatusPanel({ productId, canChange }: { productId: number; canChange: boolean }) {
  const { status, mode } = useConnectionStatus(productId);
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
      {status ? <Status status={status} /> : <LoadingRows rows={3} />}
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

function Status({ status }: { status: ConnectionStatus }) {
  const filters = topicFiltersOf(status.instances);
  const behind = status.applied_revision !== status.desired_revision;
  const version = status.broker_info?.version;
  return (
    <div className={classes.status}>
      <div className={classes.state}>
        <StatusBadge state={status.state} />
        <span className={classes.note}>
          {words.since} <Time at={status.connected ? status.last_connected_at : status.last_disconnected_at} />
        </span>
      </div>
      {status.connection_error && (
        <Alert color={status.connected ? 'amber' : 'red'} icon={<IconInfoCircle size={18} />} p="sm">
          {status.connection_error}
          {adviceOf(status.instances) && <div className={classes.advice}>{adviceOf(status.instances)}</div>}
        </Alert>
      )}
      <Facts
        items={[
          [words.messages, count(status.messages_received)],
          [words.lastMessage, <Time key="t" at={status.last_message_at} />],
          [
            words.topics,
            filters.total > 0
              ? words.topicsOf(status.subscribed_topics_count, filters.total)
              : count(status.subscribed_topics_count),
          ],
          [
            words.revision,
            behind ? (
              <ToneBadge key="r" tone="busy">
                {words.revisionBehind(status.desired_revision, status.applied_revision)}
              </ToneBadge>
            ) : (
              words.revisionApplied(status.desired_revision)
            ),
          ],
          ...(typeof version === 'string' ? ([[words.broker, version]] as [string, string][]) : []),
          [words.lastConnected, <Time key="c" at={status.last_connected_at} />],
          [words.lastDisconnected, <Time key="d" at={status.last_disconnected_at} />],
        ]}
      />
      <div className={classes.instances}>
        <h3 className={classes.heading}>{words.instances}</h3>
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
          status.instances.map((instance) => (
            <Instance
              key={instance.id}
              instance={instance}
              desired={status.desired_revision}
              told={status.connection_error}
            />
          ))
        )}
      </div>
    </div>
  );
}

/** `told` is what the page says already of the whole product; the instance doesn't repeat it. */
function Instance({ instance, desired, told }: { instance: InstanceStatus; desired: number; told: string | null }) {
  const { report } = instance;
  const refused = (report.topic_filters ?? []).filter((filter) => filter.refused !== null);
  return (
    <article className={classes.instance}>
      <div className={classes.instanceHead}>
        <code className={classes.id}>{instance.id}</code>
        <StatusBadge state={instance.state} />
      </div>
      <div className={classes.note}>
        {words.heartbeat} <Time at={instance.last_heartbeat_at} />
        {instance.config_source && <> · {words.configSource[instance.config_source] ?? instance.config_source}</>}
        {instance.applied_revision !== null && instance.applied_revision !== desired && (
          <> · {words.revisionBehind(desired, instance.applied_revision)}</>
        )}
      </div>
      {report.reason && report.reason !== told && <div className={classes.reason}>{report.reason}</div>}
      {report.recovery && (
        <div className={classes.note}>
          {words.recovery(report.recovery.attempt)}
          {report.recovery.next_try_at && (
            <>
              {' '}
              · {words.nextTry} <Time at={report.recovery.next_try_at} />
            </>
          )}
        </div>
      )}
      {report.rejected_revision && (
        <Problem>
          {words.rejected(report.rejected_revision.revision)}: {report.rejected_revision.reason}
        </Problem>
      )}
      {refused.length > 0 && (
        <Problem>
          {words.refusedTopics(refused.length)}
          <ul className={classes.refused}>
            {refused.slice(0, 5).map((filter) => (
              <li key={filter.topic_filter}>
                <code>{filter.topic_filter}</code> {filter.refused}
              </li>
            ))}
          </ul>
        </Problem>
      )}
      {(report.warnings ?? []).map((warning) => (
        <Problem key={warning.code + warning.message}>{warning.message}</Problem>
      ))}
      <div className={classes.figures}>
        <Figure label={words.inFlight} value={report.in_flight ?? null} />
        <Figure label={words.queued} value={report.queue_depth ?? null} />
        {report.oldest_unacknowledged_ms != null && (
          <Figure label={words.oldest} value={duration(report.oldest_unacknowledged_ms)} />
        )}
      </div>
    </article>
  );
}

function Figure({ label, value }: { label: string; value: number | string | null }) {
  if (value === null) return null;
  return (
    <span>
      <span className={classes.note}>{label}</span> {typeof value === 'number' ? count(value) : value}
    </span>
  );
}

function Problem({ children }: { children: React.ReactNode }) {
  return (
    <div className={classes.problem}>
      <ToneIcon tone="warn" />
      <div>{children}</div>
    </div>
  );
}

const POLL_INTERVAL_MS = 700;
const GIVE_UP_AFTER_MS = 15_000;

function ReconnectButton({ productId }: { productId: number }) {
  const [outcome, setOutcome] = useState<ReconnectOutcome | null>(null);
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      const started = await post<ReconnectOutcome>(`/products/${productId}/mqtt-config/reconnect`);
      const ended = await waitForOutcome(productId, started, setOutcome);
      tell(ended);
    } catch (error) {
      notifyFailure(words.reconnect, error);
    } finally {
      setBusy(false);
      setOutcome(null);
    }
  };
  const done = outcome?.instances.filter((instance) => instance.outcome !== 'pending').length ?? 0;
  return (
    <Button
      size="compact-sm"
      variant="default"
      leftSection={<IconRefresh size={15} />}
      loading={busy && outcome === null}
      disabled={busy}
      onClick={() => void run()}
    >
      {words.reconnect}
      {outcome && outcome.instances.length > 0 ? ` ${done}/${outcome.instances.length}` : ''}
    </Button>
  );
}

async function waitForOutcome(
  productId: number,
  started: ReconnectOutcome,
  onOutcome: (outcome: ReconnectOutcome) => void,
): Promise<ReconnectOutcome> {
  const giveUpAt = Date.now() + GIVE_UP_AFTER_MS;
  let outcome = started;
  do {
    outcome = await get<ReconnectOutcome>(`/products/${productId}/mqtt-config/reconnect/${started.id}`);
    onOutcome(outcome);
    if (outcome.state === 'done') break;
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  } while (Date.now() < giveUpAt);
  return outcome;
}

function tell(outcome: ReconnectOutcome): void {
  const { instances } = outcome;
  const failed = instances.filter((instance) => instance.outcome === 'failed');
  const silent = instances.filter((instance) => instance.outcome === 'pending' || instance.outcome === 'gone');
  if (instances.length === 0) notifyWarning(words.reconnect, words.reconnectNone);
  else if (failed.length > 0) {
    const who = failed.map(({ instance_id, reason }) => (reason ? `${instance_id} (${reason})` : instance_id));
    notifyWarning(words.reconnectFailedTitle, words.reconnectFailed(who.join(', ')));
  } else if (silent.length > 0) notifyWarning(words.reconnectFailedTitle, words.reconnectLater);
  else notifyDone(words.reconnectDone(instances.length));
}

function topicFiltersOf(instances: InstanceStatus[]): { total: number } {
  const known = new Set(instances.flatMap(({ report }) => (report.topic_filters ?? []).map((one) => one.topic_filter)));
  return { total: known.size };
}

function adviceOf(instances: InstanceStatus[]): string | null {
  return instances.find(({ report }) => report.advice)?.report.advice ?? null;
}
