import {
  Button,
  Group,
  Modal,
  MultiSelect,
  NumberInput,
  PasswordInput,
  Select,
  Stack,
  Switch,
  TextInput,
} from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { patch, post, remove } from '../../api/client';
import { keys } from '../../api/keys';
import { faultsByField } from '../../api/problem';
import type { AlertChannel } from '../../api/types';
import { Confirm } from '../../components/confirm';
import { Fields } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import { texts } from '../../texts';
import { CHANNEL_FIELDS, channelBody, SECRET_FIELDS } from './channel-fields';

const words = texts.alertChannels;
const SECURITY = [
  { value: 'starttls', label: 'STARTTLS' },
  { value: 'tls', label: 'TLS' },
  { value: 'none', label: '–' },
];

export function ChannelDialog({ channel, onClose }: { channel: AlertChannel | null; onClose: () => void }) {
  const queryClient = useQueryClient();
  const [name, setName] = useState(channel?.name ?? '');
  const [type, setType] = useState<AlertChannel['type']>(channel?.type ?? 'email');
  const [values, setValues] = useState<Record<string, string>>(() =>
    Object.fromEntries(
      Object.entries(channel?.settings ?? {}).map(([field, value]) => [
        field,
        Array.isArray(value) ? value.join(', ') : String(value),
      ]),
    ),
  );
  const [severities, setSeverities] = useState<string[]>(channel?.severities ?? []);
  const [reminder, setReminder] = useState<number | string>(
    channel?.reminder_every_s ? channel.reminder_every_s / 60 : '',
  );
  const [escalate, setEscalate] = useState<number | string>(
    channel?.escalate_after_s ? channel.escalate_after_s / 60 : '',
  );
  const [sendResolved, setSendResolved] = useState(channel?.send_resolved ?? true);
  const [enabled, setEnabled] = useState(channel?.enabled ?? true);
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [deleting, setDeleting] = useState(false);
  const done = () => {
    void queryClient.invalidateQueries({ queryKey: keys.alertChannels });
    onClose();
  };
  const save = useMutation({
    mutationFn: () => {
      const body = {
        name,
        ...channelBody(type, values),
        severities,
        reminder_every_s: reminder === '' ? null : Number(reminder) * 60,
        escalate_after_s: escalate === '' ? 0 : Number(escalate) * 60,
        send_resolved: sendResolved,
        enabled,
      };
      return channel ? patch(`/alert-channels/${channel.id}`, body) : post('/alert-channels', { ...body, type });
    },
    onSuccess: () => {
      notifyDone(channel ? words.saved(name) : words.created(name));
      done();
    },
    onError: (error) => {
      const found = faultsByField(error);
      setFaults(found);
      if (Object.keys(found).length === 0) notifyFailure(texts.common.saveFailed, error);
    },
  });
  const set = (field: string) => (value: string) => setValues((before) => ({ ...before, [field]: value }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setFaults({});
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={channel ? words.edit(channel.name) : words.create} size="lg">
      <form onSubmit={submit}>
        <Stack>
          <Fields>
            <TextInput
              label={words.name}
              required
              withAsterisk={false}
              value={name}
              error={faults.name}
              data-autofocus
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Select
              label={words.type}
              value={type}
              disabled={channel !== null}
              allowDeselect={false}
              data={Object.entries(words.types).map(([value, label]) => ({ value, label }))}
              onChange={(value) => value && setType(value as AlertChannel['type'])}
            />
            {CHANNEL_FIELDS[type].map((field) => {
              const shared = {
                label: words.fields[field],
                value: values[field] ?? '',
                error: faults[field] ?? faults[`${field}[0]`],
              };
              if (field === 'smtp_security') {
                return (
                  <Select
                    key={field}
                    {...shared}
                    value={values[field] ?? 'starttls'}
                    data={SECURITY}
                    allowDeselect={false}
                    onChange={(value) => value && set(field)(value)}
                  />
                );
              }
              if (SECRET_FIELDS[type].includes(field)) {
                const is_set = channel?.secrets_set.includes(field) ?? false;
                return (
                  <PasswordInput
                    key={field}
                    {...shared}
                    description={is_set ? words.kept : undefined}
                    autoComplete="new-password"
                    onChange={(event) => set(field)(event.currentTarget.value)}
                  />
                );
              }
              return (
                <TextInput
                  key={field}
                  {...shared}
                  autoComplete="off"
                  onChange={(event) => set(field)(event.currentTarget.value)}
                />
              );
            })}
          </Fields>
          <Fields>
            <MultiSelect
              label={words.severities}
              description={words.severitiesHelp}
              value={severities}
              onChange={setSeverities}
              data={(['critical', 'warning', 'info'] as const).map((value) => ({
                value,
                label: texts.alerts.severity[value],
              }))}
            />
            <NumberInput
              label={words.reminder}
              min={1}
              value={reminder}
              error={faults.reminder_every_s}
              onChange={setReminder}
            />
            <NumberInput
              label={words.escalate}
              min={0}
              value={escalate}
              error={faults.escalate_after_s}
              onChange={setEscalate}
            />
          </Fields>
          <Switch
            label={words.sendResolved}
            checked={sendResolved}
            onChange={(event) => setSendResolved(event.currentTarget.checked)}
          />
          <Switch
            label={words.enabled}
            checked={enabled}
            onChange={(event) => setEnabled(event.currentTarget.checked)}
          />
          <Group justify="space-between">
            {channel ? (
              <Button variant="subtle" color="red" onClick={() => setDeleting(true)}>
                {words.delete}
              </Button>
            ) : (
              <span />
            )}
            <Group>
              <Button variant="default" onClick={onClose}>
                {texts.common.cancel}
              </Button>
              <Button type="submit" loading={save.isPending}>
                {texts.common.save}
              </Button>
            </Group>
          </Group>
        </Stack>
      </form>
      {channel && (
        <Confirm
          opened={deleting}
          onClose={() => setDeleting(false)}
          title={words.delete}
          confirmLabel={words.delete}
          onConfirm={async () => {
            await remove(`/alert-channels/${channel.id}`);
            done();
          }}
        >
          {words.deleteBody(channel.name)}
        </Confirm>
      )}
    </Modal>
  );
}
