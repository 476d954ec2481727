import { Button, Code, Textarea, TextInput } from '@mantine/core';
import { IconCircleCheckFilled, IconSend } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { post } from '../../../api/client';
import { keys } from '../../../api/keys';
import { faultsByField } from '../../../api/problem';
import type { ConnectionStatus, Product, Subscription } from '../../../api/types';
import { CommandBlock } from '../../../components/command-block';
import { Fold } from '../../../components/fold';
import { Facts } from '../../../components/layout';
import { notifyDone, notifyFailure } from '../../../components/notify';
import { Empty } from '../../../components/states';
import { ToneIcon } from '../../../components/status-badge';
import { Time } from '../../../components/time';
import { texts } from '../../../texts';
import type { TaggedConfig } from '../../mqtt-config/mqtt-config-query';
import { lookOf, readFilters } from '../../mqtt-config/subscription-list';
import { type RecentMessage, useRecentMessages } from '../../subscription/recent-messages-query';
import { exampleTopic, fromBase64, resolvedFilter } from '../../subscription/sample-message';
import { WaitingForMessage } from '../../subscription/waiting-for-message';
import { publishCommand } from './publish-command';
import { StepForm } from './setup-frame';
import classes from './setup-step.module.css';
import { setupPath } from './setup-steps';

const words = texts.setup.message;

interface Props {
  product: Product;
  config: TaggedConfig;
  status: ConnectionStatus;
}

/** The end of the path: a real message, what came of it, and a way to make one. */
export function MessageStep({ product, config, status }: Props) {
  const navigate = useNavigate();
  const subscription = watched(config.document.subscriptions);
  const recent = useRecentMessages(product.id, subscription?.id ?? null, { every_ms: 1_000 });
  const [message] = recent.data ?? [];
  const toProduct = `/products/${product.id}`;
  return (
    <StepForm
      step="message"
      productId={product.id}
      next={words.finish}
      onNext={() => void navigate(toProduct)}
      isDone
      quiet={!message}
    >
      {!subscription && (
        <Empty
          title={words.noSubscription}
          action={
            <Button component={Link} to={setupPath(product.id, 'subscription')}>
              {words.toSubscription}
            </Button>
          }
        />
      )}
      {subscription && message && <Seen product={product} subscription={subscription} message={message} />}
      {subscription && !message && (
        <>
          <div className={classes.box}>
            <WaitingForMessage
              label={words.waiting}
              checks={<Checks subscription={subscription} status={status} config={config} />}
            />
          </div>
          <Send product={product} config={config} subscription={subscription} isConnected={status.connected} />
        </>
      )}
    </StepForm>
  );
}

/** The one where something has arrived, else the first that is on. */
function watched(subscriptions: Subscription[]): Subscription | undefined {
  const enabled = subscriptions.filter((subscription) => subscription.enabled);
  return enabled.find((subscription) => subscription.messages_received > 0) ?? enabled[0] ?? subscriptions[0];
}

function Seen({
  product,
  subscription,
  message,
}: {
  product: Product;
  subscription: Subscription;
  message: RecentMessage;
}) {
  return (
    <div className={classes.seen} role="status">
      <div className={classes.seenTitle}>
        <IconCircleCheckFilled size={22} aria-hidden />
        {words.seen}
      </div>
      <p className={classes.seenHint}>{words.seenHint(product.name)}</p>
      <div className={classes.message}>
        <Facts
          items={[
            [words.topic, <code key="topic">{message.topic}</code>],
            [words.received, <Time key="at" at={message.received_at} />],
            [subscription.name, <Outcome key="outcome" subscription={subscription} />],
          ]}
        />
        <Code block className={classes.payload}>
          {fromBase64(message.payload_base64).slice(0, 2_000)}
        </Code>
      </div>
      <Button
        component={Link}
        to={`/products/${product.id}/subscriptions/${subscription.id}`}
        variant="light"
        className={classes.fit}
      >
        {words.edit}
      </Button>
    </div>
  );
}

/** What came of the messages so far. */
function Outcome({ subscription }: { subscription: Subscription }) {
  const { actions_executed: ran, actions_failed: failed, actions } = subscription;
  if (failed > 0) return <span className={classes.bad}>{words.failed(failed)}</span>;
  if (ran > 0) return words.ran(ran);
  return actions.length === 0 ? words.noAction : words.pending;
}

/** What has to be true, and whether it is; the last two nobody can know from here. */
function Checks({ subscription, status, config }: { subscription: Subscription } & Pick<Props, 'status' | 'config'>) {
  const filter = lookOf(subscription, readFilters(status), config.document.mqtt_config.topics.qos);
  const isGranted = filter.tone === 'ok' || filter.tone === 'warn';
  const { checks } = words;
  const known: [isFine: boolean, words: string][] = [
    [
      status.connected,
      status.connected ? checks.connected : `${checks.notConnected} ${status.connection_error ?? status.state}`,
    ],
    [subscription.enabled, subscription.enabled ? checks.enabled : checks.disabled],
    [isGranted, isGranted ? checks.granted : `${checks.notGranted} ${filter.words}`],
  ];
  return (
    <>
      {known.map(([isFine, text]) => (
        <li key={text} className={classes.known}>
          <ToneIcon tone={isFine ? 'ok' : 'bad'} size={17} /> <span>{text}</span>
        </li>
      ))}
      <li>
        {checks.publishing} <code>{subscription.topic_filter}</code>
      </li>
      <li>{checks.retained}</li>
    </>
  );
}

const PAYLOAD = '{"hello": "world"}';

function Send({
  product,
  config,
  subscription,
  isConnected,
}: {
  product: Product;
  config: TaggedConfig;
  subscription: Subscription;
  isConnected: boolean;
}) {
  const queryClient = useQueryClient();
  const { broker, topics } = config.document.mqtt_config;
  const [typed, setTyped] = useState<{ topic?: string; payload?: string }>({});
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const filter = resolvedFilter({
    prefix: topics.prefix,
    pattern: topics.pattern,
    topic: subscription.topic,
    absolute: subscription.absolute_topic,
    variables: product.variables,
  });
  const message = { topic: filter ? exampleTopic(filter) : '', payload: PAYLOAD, ...typed };
  const command = publishCommand(broker, message);

  const publish = async () => {
    setBusy(true);
    setFaults({});
    try {
      await post(`/products/${product.id}/mqtt-config/test-message`, message);
      notifyDone(words.published(message.topic));
      void queryClient.invalidateQueries({ queryKey: keys.mqttConfig(product.id) });
    } catch (error) {
      const found = faultsByField(error);
      setFaults(found);
      if (Object.keys(found).length === 0) notifyFailure(words.notPublished, error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className={classes.stack}>
      <div>
        <h3 className={classes.subheading}>{words.send}</h3>
        <p className={classes.note}>{words.sendHint}</p>
      </div>
      <TextInput
        label={words.topic}
        value={message.topic}
        error={faults.topic}
        spellCheck={false}
        autoComplete="off"
        classNames={{ input: 'mono' }}
        onChange={(event) => setTyped({ ...typed, topic: event.currentTarget.value })}
      />
      <Textarea
        label={words.payload}
        value={message.payload}
        error={faults.payload}
        spellCheck={false}
        autosize
        minRows={1}
        maxRows={8}
        classNames={{ input: 'mono' }}
        onChange={(event) => setTyped({ ...typed, payload: event.currentTarget.value })}
      />
      <div className={classes.bar}>
        <Button
          leftSection={<IconSend size={16} />}
          loading={busy}
          disabled={!isConnected}
          onClick={() => void publish()}
        >
          {words.publish}
        </Button>
        {!isConnected && <span className={classes.note}>{words.notConnected}</span>}
      </div>
      {command !== null && (
        <Fold title={words.terminal}>
          <p className={classes.note}>{words.terminalHint}</p>
          <CommandBlock command={command} what={words.command} />
        </Fold>
      )}
    </div>
  );
}
