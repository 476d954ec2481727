import { Alert, Button, Drawer, Group, Modal, Skeleton, Stack, Textarea, Tooltip } from '@mantine/core';
import {
  IconAlertTriangle,
  IconBug,
  IconClockPause,
  IconEdit,
  IconGhost,
  IconRefresh,
  IconTrash,
} from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { Link } from 'react-router';
import { post, remove } from '../../api/client';
import { keys } from '../../api/keys';
import { ApiError } from '../../api/problem';
import type { DeliveryAttempt, DeliveryDetail } from '../../api/types';
import { Confirm } from '../../components/confirm';
import { CopyButton } from '../../components/copy-button';
import { Facts } from '../../components/layout';
import { notifyDone, notifyFailure, notifyWarning } from '../../components/notify';
import { duration } from '../../components/relative-time';
import type { Tone } from '../../components/state-language';
import { Empty, Failure, LoadingRows } from '../../components/states';
import { ToneBadge } from '../../components/status-badge';
import { Time } from '../../components/time';
import { texts } from '../../texts';
import { useSubscription } from '../subscription/subscription-query';
import { useDelivery } from './deliveries-query';
import classes from './delivery-drawer.module.css';
import { PayloadView } from './payload-view';
import { indentJson, isBase64 } from './payload-views';

const JsonEditor = lazy(() => import('../subscription/expression/json-editor'));
const words = texts.deliveries;

interface Props {
  productId: number;
  /** null while none is open. */
  deliveryId: string | null;
  canChange: boolean;
  onClose: () => void;
}

/** One delivery: its message, its attempts, and what can be done. */
export function DeliveryDrawer({ productId, deliveryId, canChange, onClose }: Props) {
  const delivery = useDelivery(productId, deliveryId);
  const isGone = delivery.error instanceof ApiError && delivery.error.status === 404;
  return (
    <Drawer
      opened={deliveryId !== null}
      onClose={onClose}
      position="right"
      size="min(46rem, 100vw)"
      title={words.detail}
      closeButtonProps={{ 'aria-label': texts.common.close }}
    >
      {isGone ? (
        <Empty icon={IconGhost} title={words.gone} hint={words.goneHint} />
      ) : delivery.data ? (
        <Detail
          key={delivery.data.id}
          productId={productId}
          delivery={delivery.data}
          canChange={canChange}
          onClose={onClose}
        />
      ) : delivery.isError ? (
        <Failure error={delivery.error} onRetry={() => void delivery.refetch()} />
      ) : (
        <LoadingRows rows={6} />
      )}
    </Drawer>
  );
}

const STATE_TONES: { [S in DeliveryDetail['state']]: Tone } = { dead: 'bad', retrying: 'warn', in_flight: 'busy' };

function Detail({
  productId,
  delivery,
  canChange,
  onClose,
}: {
  productId: number;
  delivery: DeliveryDetail;
  canChange: boolean;
  onClose: () => void;
}) {
  const properties = Object.entries(delivery.user_properties);
  return (
    <div className={classes.detail}>
      <div className={classes.head}>
        <ToneBadge tone={STATE_TONES[delivery.state]} hint={words.stateHint[delivery.state]}>
          {words.states[delivery.state]}
        </ToneBadge>
        {delivery.subscription_name ? (
          <Link to={`/products/${productId}/subscriptions/${delivery.subscription_id}`}>
            {delivery.subscription_name}
          </Link>
        ) : (
          <span>{words.deletedSubscription(delivery.subscription_id)}</span>
        )}
        {delivery.state === 'retrying' && (
          <span className={classes.note}>
            {words.nextTry} <Time at={delivery.next_try_at} />
          </span>
        )}
        {delivery.died_at && (
          <span className={classes.note}>
            {words.died} <Time at={delivery.died_at} />
          </span>
        )}
      </div>
      {delivery.deferral && (
        <Alert
          color="amber"
          icon={<IconClockPause size={18} />}
          p="sm"
          title={words.waitsFor(delivery.deferral.destination)}
        >
          <span className={classes.wrap}>{delivery.deferral.reason}</span>
        </Alert>
      )}
      {delivery.error && (
        <Alert color={delivery.state === 'dead' ? 'red' : 'amber'} icon={<IconAlertTriangle size={18} />} p="sm">
          <span className={classes.wrap}>{delivery.error}</span>
        </Alert>
      )}
      {canChange && <DeliveryActions productId={productId} delivery={delivery} onGone={onClose} />}
      <section>
        <h3 className={classes.heading}>{words.message}</h3>
        <Facts
          items={[
            [
              words.topic,
              <span key="t" className={classes.value}>
                <code>{delivery.topic}</code>
                <CopyButton value={delivery.topic} what={words.topic} />
              </span>,
            ],
            [words.received, <Time key="r" at={delivery.received_at} />],
            [words.qos, delivery.retain ? `${delivery.qos} · ${words.retained}` : String(delivery.qos)],
            ...(delivery.content_type ? ([[words.contentType, delivery.content_type]] as [string, string][]) : []),
            [words.messageId, <code key="m">{delivery.message_id}</code>],
            [words.deliveryId, <code key="d">{delivery.delivery_id}</code>],
            ...(properties.length > 0
              ? ([
                  [
                    words.userProperties,
                    <code key="u">
                      {properties.map(([name, value]) => `${name}: ${[value].flat().join(', ')}`).join('\n')}
                    </code>,
                  ],
                ] as [string, React.ReactNode][])
              : []),
          ]}
        />
      </section>
      <PayloadView delivery={delivery} />
      <Attempts productId={productId} delivery={delivery} />
    </div>
  );
}

function DeliveryActions({
  productId,
  delivery,
  onGone,
}: {
  productId: number;
  delivery: DeliveryDetail;
  onGone: () => void;
}) {
  const queryClient = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [editing, setEditing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const path = `/products/${productId}/deliveries/${encodeURIComponent(delivery.id)}` as const;
  // Not the one shown here: it may be gone, and asking for it would be a 404.
  const refresh = () =>
    queryClient.invalidateQueries({
      queryKey: keys.deliveries(productId),
      predicate: ({ queryKey }) => queryKey[3] !== 'one',
    });

  const retry = async (body: { payload?: string; payload_base64?: string }): Promise<boolean> => {
    setBusy(true);
    try {
      await post(`${path}/retry`, body);
      notifyDone(words.retried);
      // It is another one now, or gone because it succeeded: this view of it is over.
      onGone();
      void refresh();
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) notifyWarning(words.retry, words.busy);
      else notifyFailure(words.retry, error);
      return false;
    } finally {
      setBusy(false);
    }
  };

  return (
    <Group gap="xs">
      <Button leftSection={<IconRefresh size={16} />} loading={busy && !editing} onClick={() => void retry({})}>
        {words.retry}
      </Button>
      <Button variant="default" leftSection={<IconEdit size={16} />} onClick={() => setEditing(true)}>
        {words.edit}
      </Button>
      {delivery.subscription_name !== null && (
        <Tooltip label={words.debugHint}>
          <Button
            component={Link}
            to={`/products/${productId}/subscriptions/${delivery.subscription_id}?delivery=${encodeURIComponent(delivery.id)}`}
            variant="default"
            leftSection={<IconBug size={16} />}
          >
            {words.debug}
          </Button>
        </Tooltip>
      )}
      <Button variant="subtle" color="red" leftSection={<IconTrash size={16} />} onClick={() => setDeleting(true)}>
        {words.delete}
      </Button>
      <Confirm
        opened={deleting}
        onClose={() => setDeleting(false)}
        title={words.deleteTitle}
        confirmLabel={words.delete}
        onConfirm={async () => {
          await remove(path);
          notifyDone(words.deleted);
          onGone();
          void refresh();
        }}
      >
        {words.deleteBody(delivery.topic)}
      </Confirm>
      <Modal opened={editing} onClose={() => setEditing(false)} title={words.editTitle} size="lg">
        {editing && (
          <EditPayload
            delivery={delivery}
            busy={busy}
            onCancel={() => setEditing(false)}
            onRetry={async (body) => {
              if (await retry(body)) setEditing(false);
            }}
          />
        )}
      </Modal>
    </Group>
  );
}

function EditPayload({
  delivery,
  busy,
  onCancel,
  onRetry,
}: {
  delivery: DeliveryDetail;
  busy: boolean;
  onCancel: () => void;
  onRetry: (body: { payload?: string; payload_base64?: string }) => Promise<void>;
}) {
  const original = delivery.payload_text;
  const [wasJson] = useState(() => original !== null && indentJson(original) !== null);
  const [typed, setTyped] = useState(() =>
    original === null ? delivery.payload_base64 : (indentJson(original) ?? original),
  );
  const isBinary = original === null;
  const fault = isBinary
    ? isBase64(typed.trim())
      ? null
      : words.notBase64
    : wasJson && indentJson(typed) === null
      ? words.notJson
      : null;
  return (
    <Stack gap="sm">
      <p className={classes.hint}>{isBinary ? words.editBinary : words.editHint}</p>
      {wasJson ? (
        <Suspense fallback={<Skeleton height={160} />}>
          <JsonEditor label={words.payload} value={typed} onChange={setTyped} invalid={fault !== null} minLines={8} />
        </Suspense>
      ) : (
        <Textarea
          aria-label={words.payload}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autosize
          minRows={6}
          maxRows={18}
          spellCheck={false}
          classNames={{ input: 'mono' }}
        />
      )}
      {fault && <span className={classes.fault}>{fault}</span>}
      <Group justify="flex-end">
        <Button variant="default" onClick={onCancel}>
          {texts.common.cancel}
        </Button>
        <Button
          loading={busy}
          disabled={isBinary && fault !== null}
          onClick={() => void onRetry(isBinary ? { payload_base64: typed.trim() } : { payload: typed })}
        >
          {words.retry}
        </Button>
      </Group>
    </Stack>
  );
}

const OUTCOME_TONES: { [O in DeliveryAttempt['outcome']]: Tone } = {
  succeeded: 'ok',
  failed: 'warn',
  permanent: 'bad',
  deferred: 'busy',
};

function Attempts({ productId, delivery }: { productId: number; delivery: DeliveryDetail }) {
  const subscription = useSubscription(productId, delivery.subscription_id);
  const actions = subscription.data?.subscription.actions ?? [];
  const nameOf = (id: string) => {
    const action = actions.find((one) => one.id === id);
    return action ? action.name || action.type : id;
  };
  return (
    <section>
      <h3 className={classes.heading}>{words.attemptsTitle}</h3>
      {delivery.attempts.length === 0 ? (
        <p className={classes.hint}>{words.noAttempts}</p>
      ) : (
        <ol className={classes.attempts}>
          {delivery.attempts.map((attempt) => (
            <li key={`${attempt.at} ${attempt.action_id}`} className={classes.attempt}>
              <div className={classes.attemptHead}>
                <ToneBadge tone={OUTCOME_TONES[attempt.outcome]} hint={words.outcomeHint[attempt.outcome]}>
                  {words.outcomes[attempt.outcome]}
                </ToneBadge>
                <strong>{nameOf(attempt.action_id)}</strong>
                {attempt.status !== null && <code>{words.httpStatus(attempt.status)}</code>}
                <span className={classes.note}>
                  {duration(attempt.duration_ms)} · <Time at={attempt.at} />
                </span>
              </div>
              {attempt.error && <div className={classes.wrap}>{attempt.error}</div>}
              {attempt.response_excerpt && (
                <figure className={classes.response}>
                  <figcaption className={classes.note}>{words.response}</figcaption>
                  <pre className={classes.code}>{attempt.response_excerpt}</pre>
                </figure>
              )}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
