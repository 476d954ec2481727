import { Alert, Button, Drawer, Tooltip } from '@mantine/core';
import { IconGhost, IconPlayerPlay } from '@tabler/icons-react';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { post } from '../../api/client';
import { ApiError } from '../../api/problem';
import type { MessageDetail, Replay } from '../../api/types';
import { CopyButton } from '../../components/copy-button';
import { Facts } from '../../components/layout';
import { notifyFailure } from '../../components/notify';
import { Empty, Failure, LoadingRows } from '../../components/states';
import { Time } from '../../components/time';
import { texts } from '../../texts';
import { PayloadView } from '../deliveries/payload-view';
import classes from './messages-page.module.css';
import { useMessage } from './messages-query';
import { OutcomeBadge } from './outcome-badge';

const words = texts.messages;

interface Props {
  productId: number;
  /** null while none is open. */
  messageId: string | null;
  canChange: boolean;
  onClose: () => void;
}

/** One message as its path: received, matched, each action's attempts with their answers, end. */
export function MessageDrawer({ productId, messageId, canChange, onClose }: Props) {
  const message = useMessage(productId, messageId);
  const isGone = message.error instanceof ApiError && message.error.status === 404;
  return (
    <Drawer
      opened={messageId !== null}
      onClose={onClose}
      position="right"
      size="min(46rem, 100vw)"
      title={words.message}
      closeButtonProps={{ 'aria-label': texts.common.close }}
    >
      {isGone ? (
        <Empty icon={IconGhost} title={words.gone} hint={words.goneHint} />
      ) : message.data ? (
        <Detail productId={productId} message={message.data} canChange={canChange} />
      ) : message.isError ? (
        <Failure error={message.error} onRetry={() => void message.refetch()} />
      ) : (
        <LoadingRows rows={6} />
      )}
    </Drawer>
  );
}

function Detail({ productId, message, canChange }: { productId: number; message: MessageDetail; canChange: boolean }) {
  const properties = Object.entries(message.user_properties ?? {});
  return (
    <div>
      <div className={classes.stepHead}>
        <OutcomeBadge outcome={message.outcome} />
        {canChange && message.payload_readable && <RunAgain productId={productId} messageId={message.id} />}
      </div>
      <Facts
        items={[
          [
            'Topic',
            <span key="t">
              <code className={classes.topic}>{message.topic}</code>
              <CopyButton value={message.topic} what="topic" />
            </span>,
          ],
          [words.received, <Time key="r" at={message.received_at} />],
          [words.qos, message.retain ? `${message.qos} · ${words.retained}` : String(message.qos)],
          [words.broker, message.broker],
          [words.identity, <code key="i">{message.identity}</code>],
          ...(message.content_type ? ([[words.contentType, message.content_type]] as [string, string][]) : []),
          ...(message.response_topic ? ([[words.responseTopic, message.response_topic]] as [string, string][]) : []),
          ...(properties.length > 0
            ? ([
                [
                  words.properties,
                  properties.map(([name, value]) => `${name}: ${[value].flat().join(', ')}`).join('\n'),
                ],
              ] as [string, string][])
            : []),
        ]}
      />
      <h3>{words.path}</h3>
      <ol className={classes.path}>
        <li>{words.matched(message.deliveries.length)}</li>
        {message.deliveries.map((delivery) => (
          <li key={delivery.subscription_id}>
            <div className={classes.stepHead}>
              <strong>
                {delivery.name === null ? (
                  words.deletedSubscription(delivery.subscription_id)
                ) : (
                  <Link to={`/products/${productId}/subscriptions/${delivery.subscription_id}`}>{delivery.name}</Link>
                )}
              </strong>
              <OutcomeBadge outcome={delivery.outcome} />
              {delivery.name !== null && message.payload_readable && (
                <Link to={`/products/${productId}/subscriptions/${delivery.subscription_id}?message=${message.id}`}>
                  {words.useAsSample}
                </Link>
              )}
              {delivery.delivery_id && (
                <Link
                  to={`/products/${productId}/deliveries?open=${encodeURIComponent(delivery.delivery_id)}${
                    delivery.outcome === 'dead' ? '' : '&state=retrying'
                  }`}
                >
                  {words.openDelivery}
                </Link>
              )}
            </div>
            {delivery.error && <p>{delivery.error}</p>}
            <ol className={classes.attempts}>
              {delivery.attempts.map((attempt) => (
                <li key={`${attempt.at}${attempt.action_id}`}>
                  <code>{attempt.action_id}</code>
                  {' · '}
                  {attempt.outcome === 'succeeded' ? words.outcomes.succeeded : words.outcomes.failed}
                  {attempt.status === null ? '' : ` · ${attempt.status}`}
                  {' · '}
                  {words.took(attempt.duration_ms)}
                  {' · '}
                  <Time at={attempt.at} />
                  {attempt.error && <div>{attempt.error}</div>}
                  {attempt.response_excerpt && <pre className={classes.excerpt}>{attempt.response_excerpt}</pre>}
                </li>
              ))}
            </ol>
          </li>
        ))}
      </ol>
      {message.redacted && <Alert color="blue">{words.redacted}</Alert>}
      {message.payload_truncated && <Alert color="blue">{words.truncated(message.size)}</Alert>}
      {message.payload_readable ? (
        <PayloadView
          delivery={{
            message_id: message.id,
            payload_text: message.payload_text,
            payload_base64: message.payload_base64 ?? '',
          }}
        />
      ) : (
        <p>{words.hidden}</p>
      )}
    </div>
  );
}

function RunAgain({ productId, messageId }: { productId: number; messageId: string }) {
  const navigate = useNavigate();
  const [isPlanning, setPlanning] = useState(false);
  const plan = async () => {
    setPlanning(true);
    try {
      const replay = await post<Replay>(`/products/${productId}/replays`, {
        selection: { message_ids: [messageId], include_retained: true },
        only: 'all',
      });
      await navigate(`/products/${productId}/replays?open=${replay.id}`);
    } catch (error) {
      notifyFailure(words.runAgain, error);
      setPlanning(false);
    }
  };
  return (
    <Tooltip label={words.runAgainHint}>
      <Button
        size="compact-sm"
        leftSection={<IconPlayerPlay size={15} />}
        loading={isPlanning}
        onClick={() => void plan()}
      >
        {words.runAgain}
      </Button>
    </Tooltip>
  );
}
