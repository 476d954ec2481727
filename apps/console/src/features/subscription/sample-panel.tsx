import {
  Alert,
  Button,
  Group,
  Input,
  NativeSelect,
  SegmentedControl,
  Skeleton,
  Switch,
  TextInput,
} from '@mantine/core';
import { IconSkull } from '@tabler/icons-react';
import { lazy, Suspense, useEffect, useState } from 'react';
import { Link } from 'react-router';
import { post } from '../../api/client';
import type { DeliveryDetail, PayloadFormat, QoS } from '../../api/types';
import { Fold } from '../../components/fold';
import { Fields, Panel } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import { Empty } from '../../components/states';
import { Time } from '../../components/time';
import { texts } from '../../texts';
import { type RecentMessage, useRecentMessages } from './recent-messages-query';
import { fromBase64, type Sample, type SampleEnvelope, sampleOf } from './sample-message';
import classes from './sample-panel.module.css';
import { WaitingForMessage } from './waiting-for-message';

const JsonEditor = lazy(() => import('./expression/json-editor'));
const words = texts.subscription.sample;

type Source = 'typed' | 'recent' | 'next';

interface Props {
  sample: Sample;
  onChange: (sample: Sample) => void;
  envelope: SampleEnvelope;
  format: PayloadFormat;
  productId: number;
  /** null while the subscription is not saved yet. */
  subscriptionId: number | null;
  topicFilter: string | null;
  /** The one whose message this is, when one is debugged. */
  delivery: DeliveryDetail | null;
  /** False while something is unsaved: the listener would run the old actions. */
  canRetry: boolean;
}

/** The pinned message: typed, one of the recent, the next one, or a dead letter. */
export function SamplePanel(props: Props) {
  const { sample, onChange, envelope, format, subscriptionId } = props;
  const [source, setSource] = useState<Source>('typed');
  const recent = useRecentMessages(props.productId, subscriptionId, { every_ms: source === 'typed' ? false : 1_000 });
  const isOffered = subscriptionId !== null && Array.isArray(recent.data);
  const take = (message: RecentMessage) => {
    onChange(sampleOf(message, format));
    setSource('typed');
  };
  return (
    <Panel id="sample" title={words.title} hint={words.hint}>
      {props.delivery && (
        <Alert color="amber" icon={<IconSkull size={18} />} title={words.deadLetter} mb="sm">
          {props.delivery.error && <p className={classes.why}>{props.delivery.error}</p>}
          {words.deadLetterHint}
          <RetryDelivery productId={props.productId} delivery={props.delivery} canRetry={props.canRetry} />
        </Alert>
      )}
      {isOffered && (
        <SegmentedControl
          fullWidth
          size="xs"
          mb="sm"
          aria-label={words.sourceLabel}
          value={source}
          onChange={(value) => setSource(value as Source)}
          data={(['typed', 'recent', 'next'] as const).map((value) => ({ value, label: words.source[value] }))}
        />
      )}
      {source === 'recent' && <Recent messages={recent.data ?? []} onTake={take} />}
      {source === 'next' && <Next messages={recent.data ?? []} onTake={take} topicFilter={props.topicFilter} />}
      {source === 'typed' && <Typed sample={sample} onChange={onChange} envelope={envelope} format={format} />}
    </Panel>
  );
}

function RetryDelivery({
  productId,
  delivery,
  canRetry,
}: {
  productId: number;
  delivery: DeliveryDetail;
  canRetry: boolean;
}) {
  const [busy, setBusy] = useState(false);
  const path = `/products/${productId}/deliveries` as const;
  const retry = async () => {
    setBusy(true);
    try {
      await post(`${path}/${encodeURIComponent(delivery.id)}/retry`, {});
      notifyDone(texts.deliveries.retried);
    } catch (error) {
      notifyFailure(texts.deliveries.retry, error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Group gap="xs" mt="xs">
      <Button size="compact-sm" disabled={!canRetry} loading={busy} onClick={() => void retry()}>
        {texts.deliveries.retry}
      </Button>
      <Button
        component={Link}
        to={`${path}?open=${encodeURIComponent(delivery.id)}`}
        size="compact-sm"
        variant="default"
      >
        {words.toDelivery}
      </Button>
    </Group>
  );
}

function Typed({ sample, onChange, envelope, format }: Pick<Props, 'sample' | 'onChange' | 'envelope' | 'format'>) {
  const set = (change: Partial<Sample>) => onChange({ ...sample, ...change });
  return (
    <div className={classes.typed}>
      <TextInput
        label={words.topic}
        value={sample.topic}
        spellCheck={false}
        classNames={{ input: 'mono' }}
        error={envelope.matches ? undefined : words.doesNotMatch}
        onChange={(event) => set({ topic: event.currentTarget.value })}
      />
      <Input.Wrapper label={words.payload} labelElement="div" error={envelope.payload_fault}>
        <Suspense fallback={<Skeleton height={96} />}>
          <JsonEditor
            key={format}
            label={words.payload}
            value={sample.payload}
            onChange={(payload) => set({ payload })}
            invalid={envelope.payload_fault !== null}
            minLines={4}
          />
        </Suspense>
      </Input.Wrapper>
      <Fold title={words.more}>
        <Fields>
          <NativeSelect
            label={words.qos}
            value={String(sample.qos)}
            onChange={(event) => set({ qos: Number(event.currentTarget.value) as QoS })}
            data={['0', '1', '2']}
          />
          <TextInput
            label={words.contentType}
            value={sample.content_type}
            placeholder="application/json"
            onChange={(event) => set({ content_type: event.currentTarget.value })}
          />
          <Switch
            label={words.retain}
            checked={sample.retain}
            onChange={(event) => set({ retain: event.currentTarget.checked })}
          />
        </Fields>
      </Fold>
    </div>
  );
}

function Recent({ messages, onTake }: { messages: RecentMessage[]; onTake: (message: RecentMessage) => void }) {
  if (messages.length === 0) return <Empty title={words.recentEmpty} hint={words.recentEmptyHint} />;
  return (
    <ul className={classes.messages}>
      {messages.map((message) => (
        <li key={message.message_id}>
          <button
            type="button"
            className={classes.message}
            onClick={() => onTake(message)}
            aria-label={words.use(message.topic)}
          >
            <span className={classes.messageHead}>
              <code className={classes.topic}>{message.topic}</code>
              <Time at={message.received_at} />
            </span>
            <code className={classes.payload}>{fromBase64(message.payload_base64).slice(0, 200)}</code>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Next({
  messages,
  onTake,
  topicFilter,
}: {
  messages: RecentMessage[];
  onTake: (message: RecentMessage) => void;
  topicFilter: string | null;
}) {
  const [seen] = useState(() => new Set(messages.map((message) => message.message_id)));
  const arrived = messages.find((message) => !seen.has(message.message_id));
  useEffect(() => {
    if (arrived) onTake(arrived);
  }, [arrived, onTake]);
  return (
    <WaitingForMessage
      label={words.waiting}
      checks={
        <>
          <li>{words.checks.connected}</li>
          <li>{words.checks.enabled}</li>
          <li>{words.checks.refused}</li>
          <li>
            {words.checks.publishing} {topicFilter && <code>{topicFilter}</code>}
          </li>
        </>
      }
    />
  );
}
