import { ActionIcon, Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconEdit, IconPlus, IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get, post, put, remove } from '../../api/client';
import { keys } from '../../api/keys';
import { faultsByField } from '../../api/problem';
import type { Broker, FurtherBroker, InstanceStatus } from '../../api/types';
import { Confirm } from '../../components/confirm';
import { Panel } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import rows from '../../components/rows.module.css';
import { Loaded, LoadingRows } from '../../components/states';
import { ToneBadge } from '../../components/status-badge';
import { texts } from '../../texts';
import { BrokerConnectionForm } from './broker-connection-form';
import { movedBy } from './broker-order';
import { bodyOf, type ConfigDraft, changesBetween, KEEP, testBodyOf } from './config-draft';
import { createBinder } from './form-fields';
import { ConnectionTestReport, TestConnectionButton, useConnectionTest } from './test-connection-button';

const words = texts.brokers;
const PRIMARY = 'primary';
const addressOf = ({ host, port }: Pick<Broker, 'host' | 'port'>) => (host ? `${host}:${port}` : words.notSet);

interface Props {
  productId: number;
  first: Broker;
  instances: InstanceStatus[];
  canChange: boolean;
}

/** The brokers in the order they are tried, and which one is in use. */
export function BrokersPanel({ productId, first, instances, canChange }: Props) {
  const queryClient = useQueryClient();
  const path = `/products/${productId}/brokers` as const;
  const brokers = useQuery({
    queryKey: keys.brokers(productId),
    queryFn: ({ signal }) => get<FurtherBroker[]>(path, { signal }),
    refetchInterval: 5_000,
  });
  const [editing, setEditing] = useState<FurtherBroker | 'new' | null>(null);
  const [deleting, setDeleting] = useState<FurtherBroker | null>(null);
  const refresh = () => queryClient.invalidateQueries({ queryKey: keys.brokers(productId) });
  const onFirst = instances.filter(
    ({ state, report }) => (state === 'connected' || state === 'degraded') && report.broker?.name === PRIMARY,
  );
  const move = async (all: FurtherBroker[], broker: FurtherBroker, step: -1 | 1) => {
    const ids = movedBy(
      all.map(({ id }) => id),
      broker.id,
      step,
    );
    try {
      queryClient.setQueryData(keys.brokers(productId), await put<FurtherBroker[]>(`${path}/order`, { ids }));
      notifyDone(words.reordered);
    } catch (error) {
      notifyFailure(texts.common.saveFailed, error);
      await refresh();
    }
  };
  return (
    <Panel
      id="brokers"
      title={words.title}
      hint={words.hint}
      flush
      actions={
        canChange ? (
          <Button variant="light" leftSection={<IconPlus size={16} />} onClick={() => setEditing('new')}>
            {words.add}
          </Button>
        ) : undefined
      }
    >
      <Loaded query={brokers} loading={<LoadingRows rows={2} />}>
        {(all) => (
          <ol className={rows.rows}>
            <li className={rows.row}>
              <div className={rows.main}>
                <span className={rows.title}>{words.first}</span>
                <span className={rows.note}>
                  {addressOf(first)} · {words.firstHint}
                </span>
              </div>
              <InUse by={onFirst.map(({ id }) => id)} />
            </li>
            {all.map((broker, index) => (
              <li key={broker.id} className={rows.row}>
                <div className={rows.main}>
                  <span className={rows.title}>{broker.name}</span>
                  <span className={rows.note}>{addressOf(broker)}</span>
                </div>
                <InUse by={broker.in_use_by} />
                {canChange && (
                  <Group gap={2} wrap="nowrap">
                    <Tool label={words.up(broker.name)} disabled={index === 0} onClick={() => move(all, broker, -1)}>
                      <IconArrowUp size={16} />
                    </Tool>
                    <Tool
                      label={words.down(broker.name)}
                      disabled={index === all.length - 1}
                      onClick={() => move(all, broker, 1)}
                    >
                      <IconArrowDown size={16} />
                    </Tool>
                    <Tool label={words.edit(broker.name)} onClick={() => setEditing(broker)}>
                      <IconEdit size={16} />
                    </Tool>
                    <Tool label={words.delete(broker.name)} onClick={() => setDeleting(broker)}>
                      <IconTrash size={16} />
                    </Tool>
                  </Group>
                )}
              </li>
            ))}
            {all.length === 0 && <li className={`${rows.row} ${rows.note}`}>{words.none}</li>}
          </ol>
        )}
      </Loaded>
      <Modal
        opened={editing !== null}
        onClose={() => setEditing(null)}
        title={editing === 'new' || editing === null ? words.addTitle : words.edit(editing.name)}
        size="xl"
        closeOnClickOutside={false}
      >
        {editing !== null && (
          <BrokerEditor
            productId={productId}
            broker={editing === 'new' ? null : editing}
            onClose={() => setEditing(null)}
            onSaved={() => void refresh()}
          />
        )}
      </Modal>
      <Confirm
        opened={deleting !== null}
        onClose={() => setDeleting(null)}
        title={words.deleteTitle}
        confirmLabel={words.deleteTitle}
        onConfirm={async () => {
          if (!deleting) return;
          await remove(`${path}/${deleting.id}`);
          notifyDone(words.deleted(deleting.name));
          await refresh();
        }}
      >
        {deleting && words.deleteBody(deleting.name, addressOf(deleting))}
      </Confirm>
    </Panel>
  );
}

function InUse({ by }: { by: string[] }) {
  if (by.length === 0) return null;
  return (
    <ToneBadge tone="ok" hint={words.inUseBy(by.join(', '))}>
      {words.inUse}
    </ToneBadge>
  );
}

function Tool(props: { label: string; disabled?: boolean; onClick: () => unknown; children: React.ReactNode }) {
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      aria-label={props.label}
      title={props.label}
      disabled={props.disabled}
      onClick={() => void props.onClick()}
    >
      {props.children}
    </ActionIcon>
  );
}

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
  server_name: null,
  ca_cert: null,
  client_cert: null,
  client_key_set: false,
  session_expiry_s: 86_400,
  connect_timeout_s: 10,
  receive_maximum: null,
  user_properties: {},
  alpn_protocols: [],
  last_will: null,
};

/** Told by the server or derived from the transport: never sent. */
const NOT_SENT = new Set([
  'id',
  'name',
  'position',
  'in_use_by',
  'created_at',
  'updated_at',
  'password_set',
  'client_key_set',
  'use_tls',
]);

function draftOfBroker(broker: Broker): ConfigDraft {
  const fields = Object.entries(broker).filter(([name]) => !NOT_SENT.has(name));
  return {
    ...Object.fromEntries(fields.map(([name, value]) => [`broker.${name}`, value])),
    'broker.password': KEEP,
    'broker.client_key': KEEP,
  };
}

function BrokerEditor({
  productId,
  broker,
  onClose,
  onSaved,
}: {
  productId: number;
  /** null: a new one. */
  broker: FurtherBroker | null;
  onClose: () => void;
  onSaved: () => void;
}) {
  const [base] = useState(() => draftOfBroker(broker ?? NEW_BROKER));
  const [draft, setDraft] = useState(base);
  const [name, setName] = useState(broker?.name ?? '');
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const test = useConnectionTest(productId);
  const bind = createBinder(
    {
      draft,
      conflicts: [],
      faults,
      set: (field, value) => setDraft((current) => ({ ...current, [field]: value })),
    },
    { readOnly: false, localFaults: {} },
  );
  const save = async () => {
    setBusy(true);
    setFaults({});
    const changed = { name, ...bodyOf(changesBetween(base, draft)).broker };
    try {
      if (broker) await put(`/products/${productId}/brokers/${broker.id}`, changed);
      else await post(`/products/${productId}/brokers`, changed);
      notifyDone(words.saved(name));
      onSaved();
      onClose();
    } catch (error) {
      const found = faultsByField(error);
      setFaults(Object.fromEntries(Object.entries(found).map(([field, fault]) => [`broker.${field}`, fault])));
      if (Object.keys(found).length === 0) notifyFailure(texts.common.saveFailed, error);
    } finally {
      setBusy(false);
    }
  };
  // What the test's body leaves out is taken from the first broker: its password must not be tried here.
  const testBody = {
    password: null,
    client_key: null,
    ...Object.fromEntries(Object.entries(testBodyOf(draft)).filter(([, value]) => value !== undefined)),
  };
  return (
    <Stack>
      <TextInput
        label={words.name}
        description={words.nameHelp}
        value={name}
        error={faults['broker.name']}
        maxLength={100}
        data-autofocus
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <BrokerConnectionForm bind={bind} stored={broker ?? NEW_BROKER} />
      <ConnectionTestReport test={test} />
      <Group justify="flex-end">
        {broker?.password_set && <span className={rows.note}>{words.testSaved}</span>}
        <TestConnectionButton test={test} onRun={() => test.run(testBody)} />
        <Button variant="default" onClick={onClose}>
          {texts.common.cancel}
        </Button>
        <Button loading={busy} disabled={name.trim() === ''} onClick={() => void save()}>
          {texts.common.save}
        </Button>
      </Group>
    </Stack>
  );
}
