import { ActionIcon, Button, Group, Modal } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconEdit, IconPlus, IconTrash } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { remove, request } from '../../api/client';
import { keys } from '../../api/keys';
import type { Broker, FurtherBroker, InstanceStatus } from '../../api/types';
import { writeUnlessChanged } from '../../api/write-unless-changed';
import { Confirm } from '../../components/confirm';
import { Panel } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import rows from '../../components/rows.module.css';
import { Loaded, LoadingRows } from '../../components/states';
import { ToneBadge } from '../../components/status-badge';
import { texts } from '../../texts';
import { BrokerEditor } from './broker-editor';
import { movedBy } from './broker-order';
import { same } from './config-draft';
import { readBrokers, type TaggedBrokers, useBrokers } from './brokers-query';

const words = texts.brokers;
const PRIMARY = 'primary';
const idsOf = ({ brokers }: TaggedBrokers): number[] => brokers.map(({ id }) => id);
/** What was set of a broker; who uses it changes by itself. */
const settingsOf = ({ brokers }: TaggedBrokers, id: number) => {
  const { in_use_by: _, ...settings } = brokers.find((broker) => broker.id === id) ?? { in_use_by: [] };
  return settings;
};
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
  const brokers = useBrokers(productId);
  const [editing, setEditing] = useState<FurtherBroker | 'new' | null>(null);
  const [deleting, setDeleting] = useState<{ broker: FurtherBroker; etag: string | null } | null>(null);
  const refresh = () => queryClient.invalidateQueries({ queryKey: keys.brokers(productId) });
  const onFirst = instances.filter(({ brokers: at }) =>
    at.some(({ name, state }) => name === PRIMARY && (state === 'connected' || state === 'degraded')),
  );
  const readNewest = async () => {
    const newest = await readBrokers(productId);
    return { value: newest, etag: newest.etag };
  };
  const destroy = async ({ broker, etag }: NonNullable<typeof deleting>) => {
    try {
      await writeUnlessChanged({
        seen: { value: { brokers: [broker], etag }, etag },
        readNewest,
        isSame: (seen, newest) => same(settingsOf(seen, broker.id), settingsOf(newest, broker.id)),
        write: (ifMatch) => remove(`${path}/${broker.id}`, { ifMatch }),
      });
      notifyDone(words.deleted(broker.name));
    } finally {
      await refresh();
    }
  };
  const move = async (all: TaggedBrokers, broker: FurtherBroker, step: -1 | 1) => {
    const body = { ids: movedBy(idsOf(all), broker.id, step) };
    try {
      const { data, etag } = await writeUnlessChanged({
        seen: { value: all, etag: all.etag },
        readNewest,
        isSame: (seen, newest) => same(idsOf(seen), idsOf(newest)),
        write: (ifMatch) => request<{ items: FurtherBroker[] }>('PUT', `${path}/order`, { body, ifMatch }),
      });
      queryClient.setQueryData<TaggedBrokers>(keys.brokers(productId), { brokers: data.items, etag });
      notifyDone(words.reordered);
    } catch (error) {
      notifyFailure(words.title, error);
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
        {(loaded) => (
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
            {loaded.brokers.map((broker, index) => (
              <li key={broker.id} className={rows.row}>
                <div className={rows.main}>
                  <span className={rows.title}>{broker.name}</span>
                  <span className={rows.note}>{addressOf(broker)}</span>
                </div>
                <InUse by={broker.in_use_by} />
                {canChange && (
                  <Group gap={2} wrap="nowrap">
                    <Tool label={words.up(broker.name)} disabled={index === 0} onClick={() => move(loaded, broker, -1)}>
                      <IconArrowUp size={16} />
                    </Tool>
                    <Tool
                      label={words.down(broker.name)}
                      disabled={index === loaded.brokers.length - 1}
                      onClick={() => move(loaded, broker, 1)}
                    >
                      <IconArrowDown size={16} />
                    </Tool>
                    <Tool label={words.edit(broker.name)} onClick={() => setEditing(broker)}>
                      <IconEdit size={16} />
                    </Tool>
                    <Tool label={words.delete(broker.name)} onClick={() => setDeleting({ broker, etag: loaded.etag })}>
                      <IconTrash size={16} />
                    </Tool>
                  </Group>
                )}
              </li>
            ))}
            {loaded.brokers.length === 0 && <li className={`${rows.row} ${rows.note}`}>{words.none}</li>}
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
        {editing !== null && brokers.data && (
          <BrokerEditor
            productId={productId}
            loaded={brokers.data}
            id={editing === 'new' ? null : editing.id}
            onClose={() => setEditing(null)}
          />
        )}
      </Modal>
      <Confirm
        opened={deleting !== null}
        onClose={() => setDeleting(null)}
        title={words.deleteTitle}
        confirmLabel={words.deleteTitle}
        onConfirm={async () => {
          if (deleting) await destroy(deleting);
        }}
      >
        {deleting && words.deleteBody(deleting.broker.name, addressOf(deleting.broker))}
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
