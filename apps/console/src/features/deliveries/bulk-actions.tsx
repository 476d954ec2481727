import { Button, CloseButton, Progress } from '@mantine/core';
import { IconRefresh, IconTrash } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { post } from '../../api/client';
import { keys } from '../../api/keys';
import type { Operation } from '../../api/types';
import { Confirm } from '../../components/confirm';
import { Panel } from '../../components/layout';
import { notifyFailure } from '../../components/notify';
import { exactTime } from '../../components/relative-time';
import { ToneIcon } from '../../components/status-badge';
import { texts } from '../../texts';
import { useMqttConfig } from '../mqtt-config/mqtt-config-query';
import classes from './deliveries-page.module.css';
import { hasEnded, readDeliveries, useOperation } from './deliveries-query';
import { type DeliveryFilter, filterBody } from './delivery-filter';

const words = texts.deliveries;

interface Props {
  productId: number;
  filter: DeliveryFilter;
  total: number;
  onStarted: (operation: Operation) => void;
}

interface Asked {
  kind: 'retry' | 'purge';
  /** What there is at the moment of asking: those that die later are not taken along. */
  total: number;
  newest: string | null;
}

/** Retries or deletes every dead letter that fits the filter, on whichever page. */
export function BulkActions({ productId, filter, total, onStarted }: Props) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const [counting, setCounting] = useState<Asked['kind'] | null>(null);
  const ask = async (kind: Asked['kind']) => {
    setCounting(kind);
    try {
      const now = await readDeliveries(productId, filter, { page: 1, page_size: 1 });
      setAsked({ kind, total: now.total, newest: now.items[0]?.died_at ?? null });
    } catch (error) {
      notifyFailure(kind === 'retry' ? words.retryAll(total) : words.purgeAll(total), error);
    } finally {
      setCounting(null);
    }
  };
  const run = async ({ kind, newest }: Asked) => {
    const body = { ...(newest ? { to: newest } : {}), ...filterBody(filter) };
    onStarted(await post<Operation>(`/products/${productId}/deliveries/${kind}`, body));
  };
  const isPurge = asked?.kind === 'purge';
  const label = isPurge ? words.purgeAll : words.retryAll;
  return (
    <>
      <Button
        variant="light"
        leftSection={<IconRefresh size={16} />}
        loading={counting === 'retry'}
        onClick={() => void ask('retry')}
      >
        {words.retryAll(total)}
      </Button>
      <Button
        variant="light"
        color="red"
        leftSection={<IconTrash size={16} />}
        loading={counting === 'purge'}
        onClick={() => void ask('purge')}
      >
        {words.purgeAll(total)}
      </Button>
      {asked && (
        <Confirm
          opened
          onClose={() => setAsked(null)}
          title={isPurge ? words.purgeTitle(asked.total) : words.retryTitle(asked.total)}
          confirmLabel={label(asked.total)}
          onConfirm={() => run(asked)}
          {...(isPurge
            ? { typeToConfirm: String(asked.total), typeLabel: words.typeNumber(asked.total) }
            : { harmless: true as const })}
        >
          <p>{isPurge ? words.purgeBody : words.retryBody}</p>
          <Which productId={productId} filter={filter} />
        </Confirm>
      )}
    </>
  );
}

/** Names what is taken. */
function Which({ productId, filter }: { productId: number; filter: DeliveryFilter }) {
  const config = useMqttConfig(productId);
  const subscription = config.data?.document.subscriptions.find(({ id }) => id === filter.subscription_id);
  const { from, to } = filterBody(filter);
  const conditions = [
    ...(filter.subscription_id !== null
      ? [words.whichSubscription(subscription?.name ?? String(filter.subscription_id))]
      : []),
    ...(filter.error ? [words.whichError(filter.error)] : []),
    ...(from ? [words.whichFrom(exactTime(from))] : []),
    ...(to ? [words.whichTo(exactTime(to))] : []),
  ];
  return <p className={classes.note}>{[words.which, ...conditions].join(' ')}.</p>;
}

/** How far a bulk operation is, also after a reload. */
export function OperationPanel({
  productId,
  operationId,
  onClose,
}: {
  productId: number;
  operationId: string | null;
  onClose: () => void;
}) {
  const queryClient = useQueryClient();
  const { data: operation, isError } = useOperation(productId, operationId);
  const isOver = operation !== undefined && hasEnded(operation);
  useEffect(() => {
    if (isOver) void queryClient.invalidateQueries({ queryKey: keys.deliveries(productId) });
  }, [isOver, productId, queryClient]);
  if (operationId === null || isError || !operation) return null;
  const { total, done, failed } = operation;
  const isFaulty = operation.state === 'failed';
  const title = isFaulty
    ? words.operationFailed
    : isOver
      ? words.operationDone[operation.kind](done)
      : words.operation[operation.kind];
  return (
    <Panel>
      <div className={classes.operation} role="status">
        <div className={classes.operationHead}>
          <ToneIcon tone={isFaulty ? 'bad' : isOver ? 'ok' : 'busy'} size={18} />
          <strong>{title}</strong>
          <span className={classes.note}>
            {total === null ? words.operationCounting : words.operationProgress(done + failed, total)}
          </span>
          {isOver && <CloseButton size="sm" aria-label={texts.common.close} onClick={onClose} />}
        </div>
        {!isOver && (
          <Progress
            value={total ? ((done + failed) / total) * 100 : 0}
            aria-label={words.operation[operation.kind]}
            animated
          />
        )}
        {(operation.error || failed > 0) && (
          <span className={classes.note}>
            {[operation.error, failed > 0 ? words.operationSkipped(failed) : null].filter(Boolean).join(' · ')}
          </span>
        )}
      </div>
    </Panel>
  );
}
