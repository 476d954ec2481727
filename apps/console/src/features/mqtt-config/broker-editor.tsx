import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { request } from '../../api/client';
import { keys } from '../../api/keys';
import type { Broker, FurtherBroker } from '../../api/types';
import { notifyDone } from '../../components/notify';
import { texts } from '../../texts';
import { BrokerConnectionForm } from './broker-connection-form';
import { readBrokers, type TaggedBrokers } from './brokers-query';
import { bodyOf, type ConfigDraft, KEEP, SECRETS, testBodyOf } from './config-draft';
import { createBinder } from './form-fields';
import type { Tagged } from './merged-editing';
import { ConflictDialog } from './save-dialogs';
import { ConnectionTestReport, TestConnectionButton, useConnectionTest } from './test-connection-button';
import { useMergedDraft } from './use-merged-draft';

const words = texts.brokers;

const NEW_BROKER: Broker = {
  host: null,
  port: 1883,
  use_tls: false,
  verify_cert: true,
  username: null,
  password_set: false,
  client_id: null,
  keep_alive: 60,
  clean_session: false,
  protocol_version: 5,
  transport: 'tcp',
  path: null,
  proxy_url: null,
  proxy_username: null,
  proxy_password_set: false,
  server_name: null,
  ca_cert: null,
  client_cert: null,
  client_key_set: false,
  client_key_passphrase_set: false,
  session_expiry_s: 86_400,
  connect_timeout_s: 10,
  receive_maximum: null,
  connections: 'several',
  user_properties: {},
  alpn_protocols: [],
  last_will: null,
};

/** Told by the server or derived from the transport: never sent. */
const NOT_SENT = new Set<string>([
  'id',
  'position',
  'in_use_by',
  'created_at',
  'updated_at',
  ...SECRETS.map((secret) => `${secret.replace('broker.', '')}_set`),
  'use_tls',
]);

function draftOfBroker(broker: Broker): ConfigDraft {
  const fields = Object.entries(broker).filter(([name]) => !NOT_SENT.has(name));
  return {
    ...Object.fromEntries(fields.map(([name, value]) => [`broker.${name}`, value])),
    ...Object.fromEntries(SECRETS.map((secret) => [secret, KEEP])),
  };
}

interface Props {
  productId: number;
  /** Further brokers as they are now. */
  loaded: TaggedBrokers;
  /** null: a new one. */
  id: number | null;
  onClose: () => void;
}

/** The form of one broker to fail over to. */
export function BrokerEditor({ productId, loaded, id, onClose }: Props) {
  const queryClient = useQueryClient();
  const path = `/products/${productId}/brokers` as const;
  const [choosing, choose] = useDisclosure(false);
  const stored = loaded.brokers.find((broker) => broker.id === id);
  const state = useMergedDraft<FurtherBroker>({
    loaded: useMemo(() => taggedBroker(loaded, id), [loaded, id]),
    write: async (changes, ifMatch) => {
      const { broker: body = {} } = bodyOf(changes);
      const { data } =
        id === null
          ? await request<FurtherBroker>('POST', path, { body })
          : await request<FurtherBroker>('PUT', `${path}/${id}`, { body, ifMatch });
      notifyDone(words.saved(data.name));
      return data;
    },
    readNewest: async () => {
      const newest = await readBrokers(productId);
      queryClient.setQueryData(keys.brokers(productId), newest);
      return taggedBroker(newest, id);
    },
    savedAs: (saved) => ({ values: draftOfBroker(saved), etag: null }),
    showsFault: (field) => field in NEW_DRAFT,
    labelOf: (field) => texts.mqttConfig.fields[field] ?? words.name,
    faultPrefix: 'broker.',
    keepAs: `product ${productId} broker ${id ?? 'new'}`,
  });
  const test = useConnectionTest(productId);
  const bind = createBinder(
    { ...state, set: (field, value) => state.set({ [field]: value }) },
    { readOnly: false, localFaults: {} },
  );
  const name = bind.text('broker.name');
  const save = async () => {
    const { kind } = await state.save();
    if (kind === 'saved') {
      void queryClient.invalidateQueries({ queryKey: keys.brokers(productId) });
      onClose();
    }
    if (kind === 'conflict') choose.open();
  };
  return (
    <Stack>
      <TextInput {...name} label={words.name} description={words.nameHelp} maxLength={100} data-autofocus />
      <BrokerConnectionForm bind={bind} stored={stored ?? NEW_BROKER} />
      <ConnectionTestReport test={test} />
      <Group justify="flex-end">
        <TestConnectionButton test={test} onRun={() => test.run(brokerTestBody(state.draft, id), id)} />
        <Button variant="default" onClick={onClose}>
          {texts.common.cancel}
        </Button>
        <Button loading={state.saving} disabled={name.value.trim() === ''} onClick={() => void save()}>
          {texts.common.save}
        </Button>
      </Group>
      <ConflictDialog
        opened={choosing}
        conflicts={state.conflicts}
        onClose={choose.close}
        onResolve={(choices) => {
          state.resolve(choices);
          choose.close();
        }}
      />
    </Stack>
  );
}

const NEW_DRAFT: ConfigDraft = { ...draftOfBroker(NEW_BROKER), 'broker.name': null };

function taggedBroker({ brokers, etag }: TaggedBrokers, id: number | null): Tagged {
  const stored = brokers.find((broker) => broker.id === id);
  // One that was deleted meanwhile is edited on: saving it says that it is gone.
  return stored ? { values: draftOfBroker(stored), etag } : { values: NEW_DRAFT, etag: null };
}

/** What the body of a test leaves out is what is stored; for a new broker that would be of the first one, so it says none. */
function brokerTestBody(draft: ConfigDraft, id: number | null): Record<string, unknown> {
  const { name: _name, ...body } = testBodyOf(draft);
  const none = Object.fromEntries(SECRETS.map((secret) => [secret.replace('broker.', ''), null]));
  return id === null ? { ...none, ...body } : body;
}
