import { Button, UnstyledButton } from '@mantine/core';
import { IconBellRinging, IconPlus } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { post } from '../../api/client';
import { keys } from '../../api/keys';
import type { AlertChannel, ChannelTest } from '../../api/types';
import { Panel } from '../../components/layout';
import { notifyDone, notifyFailure, notifyWarning } from '../../components/notify';
import rows from '../../components/rows.module.css';
import { Empty, Loaded } from '../../components/states';
import { ToneBadge } from '../../components/status-badge';
import { useUser } from '../../shell/session';
import { texts } from '../../texts';
import classes from './alerts.module.css';
import { useAlertChannels } from './alerts-query';
import { ChannelDialog } from './channel-dialog';
import { HeartbeatPanel } from './heartbeat-panel';

const words = texts.alertChannels;

export function ChannelsPanel() {
  const user = useUser();
  const channels = useAlertChannels();
  const [editing, setEditing] = useState<{ channel: AlertChannel | null } | null>(null);
  const is_admin = user.role === 'admin';
  const create = is_admin && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing({ channel: null })}>
      {words.create}
    </Button>
  );
  return (
    <>
      <Panel flush>
        <div className={rows.toolbar}>{create}</div>
        <Loaded query={channels}>
          {(all) =>
            all.length === 0 ? (
              <Empty icon={IconBellRinging} title={words.empty} hint={words.emptyHint} action={create} />
            ) : (
              <ul className={rows.rows}>
                {all.map((channel) => (
                  <li key={channel.id} className={rows.row}>
                    <span className={rows.main}>
                      {is_admin ? (
                        <UnstyledButton className={rows.title} onClick={() => setEditing({ channel })}>
                          {channel.name}
                        </UnstyledButton>
                      ) : (
                        <span className={rows.title}>{channel.name}</span>
                      )}
                      <span className={rows.note}>
                        {words.types[channel.type]} · {channel.destination}
                      </span>
                      {channel.waiting > 0 && (
                        <span className={rows.note}>
                          {words.waiting(channel.waiting)}
                          {channel.last_error !== null && `: ${channel.last_error}`}
                        </span>
                      )}
                    </span>
                    {!channel.enabled && <ToneBadge tone="off">{words.disabled}</ToneBadge>}
                    {channel.last_error !== null && channel.waiting > 0 && (
                      <ToneBadge tone="bad">{texts.alerts.events.notification_failed}</ToneBadge>
                    )}
                    {is_admin && <TestButton className={classes.test} channel={channel} />}
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
        {editing && <ChannelDialog channel={editing.channel} onClose={() => setEditing(null)} />}
      </Panel>
      {is_admin && <HeartbeatPanel />}
    </>
  );
}

/** Shows what the other side really answers. */
function TestButton({ channel, className }: { channel: AlertChannel; className: string | undefined }) {
  const queryClient = useQueryClient();
  const test = useMutation({
    mutationFn: () => post<ChannelTest>(`/alert-channels/${channel.id}/test`),
    onSuccess: ({ delivered, status, answer, error }) => {
      if (delivered) notifyDone(words.testTaken([status, answer].filter(Boolean).join(' ')));
      else notifyWarning(words.testFailed, error ?? '');
      void queryClient.invalidateQueries({ queryKey: keys.alertChannels });
    },
    onError: (error) => notifyFailure(words.testFailed, error),
  });
  return (
    <Button
      size="compact-sm"
      variant="default"
      className={className}
      loading={test.isPending}
      onClick={() => test.mutate()}
    >
      {words.test}
    </Button>
  );
}
