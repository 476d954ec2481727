import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { get, request } from '../../api/client';
import { keys } from '../../api/keys';
import { faultsByField } from '../../api/problem';
import type { AlertSettings } from '../../api/types';
import { Panel } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import rows from '../../components/rows.module.css';
import { Loaded } from '../../components/states';
import { Time } from '../../components/time';
import { texts } from '../../texts';

const words = texts.heartbeat;

/** An address outside that is called while alerts are evaluated: whoever waits for the calls notices when they stop. */
export function HeartbeatPanel() {
  const settings = useQuery({
    queryKey: keys.alertSettings,
    queryFn: ({ signal }) => get<AlertSettings>('/alert-settings', { signal }),
    refetchInterval: 10_000,
  });
  return (
    <Panel id="heartbeat" title={words.title} hint={words.hint}>
      <Loaded query={settings}>
        {(loaded) => <HeartbeatForm key={loaded.heartbeat_url ?? ''} settings={loaded} />}
      </Loaded>
    </Panel>
  );
}

function HeartbeatForm({ settings }: { settings: AlertSettings }) {
  const queryClient = useQueryClient();
  const [url, setUrl] = useState(settings.heartbeat_url ?? '');
  const save = useMutation({
    mutationFn: () =>
      request<AlertSettings>('PUT', '/alert-settings', {
        body: { heartbeat_url: url.trim() === '' ? null : url.trim() },
      }),
    onSuccess: ({ data: saved }) => {
      queryClient.setQueryData(keys.alertSettings, saved);
      notifyDone(words.saved);
    },
    onError: (error) => {
      if (Object.keys(faultsByField(error)).length === 0) notifyFailure(words.failed, error);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const { heartbeat_sent_at, heartbeat_error } = settings;
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        <TextInput
          label={words.url}
          description={words.urlHelp}
          type="url"
          value={url}
          error={faultsByField(save.error).heartbeat_url}
          onChange={(event) => setUrl(event.currentTarget.value)}
        />
        <Group justify="space-between">
          <span className={rows.note}>
            {heartbeat_error !== null && heartbeat_error !== undefined ? (
              words.lastFailed(heartbeat_error)
            ) : heartbeat_sent_at ? (
              <>
                {words.lastCalled} <Time at={heartbeat_sent_at} />
              </>
            ) : (
              words.neverCalled
            )}
          </span>
          <Button type="submit" variant="default" loading={save.isPending}>
            {texts.common.save}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
