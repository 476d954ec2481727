import { ActionIcon, Button, Group, Modal } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconEdit, IconPlus, IconTrash } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { remove, request } from '../../api/client';
import { keys } from '../../api/keys';
import { ApiError } from '../../api/problem';
import type { Broker, FurtherBroker, InstanceStatus } from '../../api/types';
import { Confirm } from '../../components/confirm';
import { Panel } from '../../components/layout';
import { notifyDone, notifyFailure, notifyWarning } from '../../components/notify';
import rows from '../../components/rows.module.css';
import { Loaded, LoadingRows } from '../../components/states';
import { ToneBadge } from '../../components/status-badge';
import { texts } from '../../texts';
import { BrokerEditor } from './broker-editor';
import { movedBy } from './broker-order';
import { readBrokers, type TaggedBrokers, useBrokers } from './brokers-query';

const words = texts.brokers;
const PRIMARY = 'primary';
const idsOf = ({ brokers }: TaggedBrokers): number[] => brokers.map(({ id }) => id);
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
  const [deleting, setDeleting] = useState<FurtherBroker | null>(null);
  const refresh = () => queryClient.invalidateQueries({ queryKey: keys.brokers(productId) });
  const onFirst = instances.filter(({ brokers: at }) =>
    at.some(({ name, state }) => name === PRIMARY && (state === 'connected' || state === 'degraded')),
  );
  const move = async (all: TaggedBrokers, broker: FurtherBroker, step: -1 | 1) => {
    const order = idsOf(all);
    const body = { ids: movedBy(order, broker.id, step) };
    const write = (ifMatch: string | null) => request<FurtherBroker[]>('PUT', `${path}/order`, { body, ifMatch });
    try {
      const { data, etag } = await write(all.etag).catch(async (error: unknown) => {
        if (!(error instanceof ApiError) || error.status !== 412) throw error;
        // Something else of the product was changed; only another order is in the way of this one.
        const newest = await readBrokers(productId);
        if (idsOf(newest).join() !== order.join()) throw error;
        return write(newest.etag);
      });
      queryClient.setQueryData<TaggedBrokers>(keys.brokers(productId), { brokers: data, etag });
      notifyDone(words.reordered);
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) notifyWarning(words.title, words.orderChanged);
      else notifyFailure(texts.common.saveFailed, error);
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
                    <Tool label={words.delete(broker.name)} onClick={() => setDeleting(broker)}>
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
