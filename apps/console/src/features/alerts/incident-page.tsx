import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { IconCheck, IconExternalLink, IconVolumeOff } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'react-router';
import { post } from '../../api/client';
import { keys } from '../../api/keys';
import type { IncidentDetail } from '../../api/types';
import { Facts, Page, Panel } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import rows from '../../components/rows.module.css';
import { Loaded } from '../../components/states';
import { ToneBadge } from '../../components/status-badge';
import { Time } from '../../components/time';
import { NotFoundPage } from '../../shell/route-states';
import { useUser } from '../../shell/session';
import { texts } from '../../texts';
import classes from './alerts.module.css';
import { useIncident } from './alerts-query';
import { toneOfIncident } from './incident-row';

const words = texts.alerts;

export function IncidentPage() {
  const id = Number(useParams().incidentId);
  if (!Number.isInteger(id)) return <NotFoundPage />;
  return <IncidentOf id={id} />;
}

function IncidentOf({ id }: { id: number }) {
  const incident = useIncident(id);
  return <Loaded query={incident}>{(found) => <Incident incident={found} />}</Loaded>;
}

function Incident({ incident }: { incident: IncidentDetail }) {
  const { id, title, summary, state, severity, products, product_count } = incident;
  const [first] = products;
  const label = state === 'firing' ? words.severity[severity] : words.state[state];
  return (
    <Page
      title={title}
      subtitle={<ToneBadge tone={toneOfIncident(incident)}>{label}</ToneBadge>}
      documentTitle={title}
      actions={<Actions incident={incident} />}
    >
      <Panel>
        <Stack gap="md">
          {summary !== '' && <Text>{summary}</Text>}
          <Facts
            items={[
              [words.since, <Time key="since" at={incident.started_at} />],
              ...(incident.resolved_at === null
                ? []
                : [[words.lasted, <Time key="end" at={incident.resolved_at} />] as [string, React.ReactNode]]),
              ...(incident.acknowledged_by === null
                ? []
                : [[words.acknowledge, incident.acknowledged_by] as [string, React.ReactNode]]),
              ...(incident.muted_until === null
                ? []
                : [[words.mutedUntil, <Time key="mute" at={incident.muted_until} />] as [string, React.ReactNode]]),
              [words.whatItMeans, incident.meaning],
              [words.whatToDo, incident.advice],
              [words.rule, incident.rule_name],
              [words.affected, words.products(product_count)],
            ]}
          />
          <Group>
            {first && (
              <Button
                component={Link}
                to={`/products/${first.id}/${incident.page === 'overview' ? '' : incident.page}`}
                variant="default"
              >
                {words.openPage}
              </Button>
            )}
            {incident.runbook_url !== null && (
              <Button
                component="a"
                href={incident.runbook_url}
                target="_blank"
                rel="noreferrer"
                variant="default"
                rightSection={<IconExternalLink size={16} />}
              >
                {words.runbook}
              </Button>
            )}
          </Group>
        </Stack>
      </Panel>
      <Panel title={words.affected} flush>
        <ul className={rows.rows}>
          {incident.members.map((member) => (
            <li key={`${member.product_id} ${member.series}`} className={rows.row}>
              <span className={rows.main}>
                <Link to={`/products/${member.product_id}`} className={rows.title}>
                  {member.product_name}
                </Link>
                {member.detail !== null && <span className={rows.note}>{member.detail}</span>}
              </span>
              <span className={rows.note}>{member.ended_at === null ? <Time at={member.began_at} /> : words.over}</span>
            </li>
          ))}
        </ul>
      </Panel>
      <Panel title={words.timeline}>
        <Stack gap="lg">
          <ol className={classes.timeline}>
            {incident.timeline.map((entry, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: entries are only ever added at the end
              <li key={index}>
                <span className={rows.title}>{words.events[entry.type] ?? entry.type}</span>{' '}
                <span className={rows.note}>
                  {entry.actor !== null && words.by(entry.actor)}{' '}
                  {typeof entry.detail.channel === 'string' && words.to(entry.detail.channel)} <Time at={entry.at} />
                </span>
                {typeof entry.detail.comment === 'string' && (
                  <div className={classes.comment}>{entry.detail.comment}</div>
                )}
                {typeof entry.detail.reason === 'string' && <div className={rows.note}>{entry.detail.reason}</div>}
              </li>
            ))}
          </ol>
          <Comment id={id} />
        </Stack>
      </Panel>
    </Page>
  );
}

function useChange(id: number) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: ({ verb, body }: { verb: 'acknowledge' | 'mute' | 'comment'; body: object; done: string }) =>
      post<IncidentDetail>(`/incidents/${id}/${verb}`, body),
    onSuccess: (_incident, { done }) => {
      if (done !== '') notifyDone(done);
      void queryClient.invalidateQueries({ queryKey: keys.incidents });
    },
    onError: (error) => notifyFailure(words.failed, error),
  });
}

function Actions({ incident }: { incident: IncidentDetail }) {
  const user = useUser();
  const change = useChange(incident.id);
  if (user.role === 'viewer' || incident.state === 'resolved') return null;
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconVolumeOff size={16} />}
        loading={change.isPending}
        onClick={() => change.mutate({ verb: 'mute', body: { for_s: 3_600 }, done: words.muted })}
      >
        {words.mute}
      </Button>
      {incident.state === 'firing' && (
        <Button
          leftSection={<IconCheck size={16} />}
          loading={change.isPending}
          onClick={() => change.mutate({ verb: 'acknowledge', body: {}, done: words.acknowledged })}
        >
          {words.acknowledge}
        </Button>
      )}
    </>
  );
}

function Comment({ id }: { id: number }) {
  const user = useUser();
  const change = useChange(id);
  const [comment, setComment] = useState('');
  if (user.role === 'viewer') return null;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate({ verb: 'comment', body: { comment }, done: '' }, { onSuccess: () => setComment('') });
      }}
    >
      <Stack gap="xs" align="flex-start">
        <Textarea
          w="100%"
          autosize
          minRows={2}
          label={words.comment}
          placeholder={words.commentPlaceholder}
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" disabled={comment.trim() === ''} loading={change.isPending}>
          {words.comment}
        </Button>
      </Stack>
    </form>
  );
}
