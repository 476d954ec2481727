import { Button, CloseButton, Progress } from '@mantine/core';
import { IconRefresh, IconTrash } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { post } from '../../api/client';
import { keys } from '../../api/keys';
import type { Operation } from '../../api/types';
import { Confirm } from '../../components/confirm';
import { Panel } from '../../components/layout';
import { exactTime } from '../../components/relative-time';
import { ToneIcon } from '../../components/status-badge';
import { texts } from '../../texts';
import { useMqttConfig } from '../mqtt-config/mqtt-config-query';
import classes from './deliveries-page.module.css';
import { hasEnded, useOperation } from './deliveries-query';
import { type DeliveryFilter, filterBody } from './delivery-filter';

const words = texts.deliveries;

interface Props {
  productId: number;
  filter: DeliveryFilter;
  total: number;
  /** When the newest one that is shown died: those that die later are not taken along. */
  newest: string | null;
  onStarted: (operation: Operation) => void;
}

/** Retries or deletes every dead letter that the filter shows. */
export function BulkActions({ productId, filter, total, newest, onStarted }: Props) {
  const [asking, setAsking] = useState<'retry' | 'purge' | null>(null);
  const run = async (kind: 'retry' | 'purge') => {
    const body = { ...(newest ? { to: newest } : {}), ...filterBody(filter) };
    onStarted(await post<Operation>(`/products/${productId}/deliveries/${kind}`, body));
  };
  return (
    <>
      <Button variant="light" leftSection={<IconRefresh size={16} />} onClick={() => setAsking('retry')}>
        {words.retryAll(total)}
      </Button>
      <Button variant="light" color="red" leftSection={<IconTrash size={16} />} onClick={() => setAsking('purge')}>
        {words.purgeAll(total)}
      </Button>
      <Confirm
        opened={asking === 'retry'}
        onClose={() => setAsking(null)}
        title={words.retryTitle(total)}
        confirmLabel={words.retryAll(total)}
        onConfirm={() => run('retry')}
        harmless
      >
        <p>{words.retryBody}</p>
        <Which productId={productId} filter={filter} />
      </Confirm>
      <Confirm
        opened={asking === 'purge'}
        onClose={() => setAsking(null)}
        title={words.purgeTitle(total)}
        confirmLabel={words.purgeAll(total)}
        typeToConfirm={String(total)}
        typeLabel={words.typeNumber(total)}
        onConfirm={() => run('purge')}
      >
        <p>{words.purgeBody}</p>
        <Which productId={productId} filter={filter} />
      </Confirm>
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
